"""Which voices the servers have, as far as they say so. OpenAI lists none; Kokoro-FastAPI, Speaches and others do."""

import asyncio
from http import HTTPStatus
from typing import Any

import httpx2
import msgspec

from mesh.engines.server_urls import ServerUrl
from mesh.engines.upstreams import Place
from mesh.errors import UpstreamDown
from openai_audio.servers import get

_PATH = "/v1/audio/voices"
_ASKED_EVERY_S = 60.0
_MOST_UNKNOWN = 1_000


class KnownVoices:
    """What is known of the servers' voices."""

    def __init__(self) -> None:
        self._listed: dict[str, frozenset[str]] = {}
        """By server; empty: it lists none."""
        self._asked_at: dict[str, float] = {}
        self._unknown: dict[str, None] = {}
        """Those that a server has refused."""

    async def ask(self, place: Place[ServerUrl], client: httpx2.AsyncClient) -> None:
        """Ask a server, once in a while."""
        now = asyncio.get_running_loop().time()
        if now < self._asked_at.get(place.address, float("-inf")) + _ASKED_EVERY_S:
            return
        try:
            status, body = await get(place, client, _PATH)
        except UpstreamDown:
            return
        self._asked_at[place.address] = now
        self._listed[place.address] = names(body) if status == HTTPStatus.OK else frozenset()

    def may_be(self, voice: str) -> bool:
        """Whether a voice may be there: it was never refused, and a server has it or lists none."""
        if voice in self._unknown:
            return False
        # Kokoro-FastAPI mixes voices: "af_bella(2)+af_sky".
        parts = {part.partition("(")[0] for part in voice.split("+")}
        listed = self._listed.values()
        return not listed or any(not each or voice in each or parts <= each for each in listed)

    def refused(self, voice: str) -> None:
        """Note that a server does not know a voice."""
        if len(self._unknown) >= _MOST_UNKNOWN:
            del self._unknown[next(iter(self._unknown))]
        self._unknown[voice] = None


def names(body: bytes) -> frozenset[str]:
    """The names in a list of voices: texts, or objects with an id, under `voices` or `data` or bare."""
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return frozenset()
    if isinstance(found, dict):
        found = found.get("voices", found.get("data"))
    return frozenset(filter(None, map(_name, found))) if isinstance(found, list) else frozenset()


def _name(voice: Any) -> str:
    match voice:
        case str():
            return voice
        case {"id": str(name)} | {"voice_id": str(name)} | {"name": str(name)}:
            return name
        case _:
            return ""
