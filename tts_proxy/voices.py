"""Custom voices: fetched from the voice service, and cached here while replies are spoken with them."""

import asyncio
from collections import OrderedDict
from contextlib import AsyncExitStack
from dataclasses import dataclass
from typing import NamedTuple

import grpc
import structlog

from mesh.discovery.search import Replicas, ask
from mesh.errors import MeshError, UpstreamDown, VoiceNotFound
from mesh.times import loop_time, seconds
from parley.tts.v1.tts_pb2 import VoiceReplaced
from parley.voices.v1.voices_pb2 import GetVoiceEmbeddingRequest, GetVoiceEmbeddingResponse
from parley.voices.v1.voices_pb2_grpc import VoiceServiceStub
from tts_proxy.engine import SynthesisEngine, Utterance

PREFIX = "custom:"
"""The prefix of the ids of custom voices."""

MOST_CACHED = 64
"""Voices; each has at most 1 MiB."""
FETCH_LIMIT_S = 0.35
"""How long a reply waits for its voice. A caller allows half a second for the whole admission."""
_LONGEST_SHOWN = 60
"""Characters of a name that a caller has sent, in the message about it."""
UNREACHABLE_FOR_S = 5.0
"""For how long the voice service is not asked again after it could not be reached, so that replies need not wait."""

_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ChosenVoice:
    """The voice of a reply. One that is not to be had is replaced by the engine's default, and only here."""

    name: str
    embedding: bytes | None = None
    replaced: VoiceReplaced | None = None
    """Why this is not the voice that was asked for; None: it is."""

    async def open(
        self, engine: SynthesisEngine, slot: AsyncExitStack, *, replace_unknown: bool = False
    ) -> tuple[Utterance, VoiceReplaced | None]:
        """Put an utterance in this voice on `slot`, and say whether the voice was replaced.

        Raises as `SynthesisEngine.open` does, but `VoiceNotFound` only for a voice that is not custom, and with
        `replace_unknown` only where there is no default voice either.
        """
        try:
            return await slot.enter_async_context(engine.open(self.name, self.embedding)), self.replaced
        except VoiceNotFound:
            if self.embedding is None and not (replace_unknown and self.name):
                raise
        if self.embedding is None:
            message = f"There is no voice {self.name[:_LONGEST_SHOWN]!r}; I am using another."
        else:
            message = "That custom voice cannot be read; I am using another."
        own = _replaced("VOICE_NOT_FOUND", message)
        return await slot.enter_async_context(engine.open(own.name)), own.replaced


class _Cached(NamedTuple):
    engine: str
    embedding: bytes
    expires_at: float
    """On the event loop's clock."""


class Voices:
    """Finds the embeddings of custom voices for an engine of this name."""

    def __init__(self, voices: Replicas, engine: str) -> None:
        self._voices = voices
        self._engine = engine
        self._cache: OrderedDict[str, _Cached] = OrderedDict()
        """The least recently used first."""
        self._unreachable_until = float("-inf")

    async def choose(self, voice: str) -> ChosenVoice:
        """The voice of this name or id; the engine's default if it is a custom voice that is unavailable."""
        if not voice.startswith(PREFIX):
            return ChosenVoice(voice)
        try:
            found = await self._found(voice)
        except VoiceNotFound:
            return _replaced("VOICE_NOT_FOUND", "That custom voice is not kept any longer; I am using another.")
        except MeshError as error:
            _log.warning("custom voice could not be fetched", reason=error.reason, error=error.message)
            return _replaced("UPSTREAM_DOWN", "That custom voice is out of reach just now; I am using another.")
        if found.engine != self._engine:
            return _replaced(
                "VOICE_OF_ANOTHER_ENGINE", "That custom voice was made for another engine; I am using mine."
            )
        return ChosenVoice(voice, found.embedding)

    async def _found(self, voice_id: str) -> _Cached:
        """A voice from the cache, else from the voice service. Raises `VoiceNotFound`, or another `MeshError`."""
        if cached := self._cached(voice_id):
            return cached
        now = loop_time()
        kept = await self._fetched(voice_id)
        found = _Cached(kept.engine, kept.embedding, now + seconds(kept.time_to_live))
        self._cache[voice_id] = found
        if len(self._cache) > MOST_CACHED:
            self._cache.popitem(last=False)
        return found

    def _cached(self, voice_id: str) -> _Cached | None:
        cached = self._cache.get(voice_id)
        if cached is None:
            return None
        if cached.expires_at <= loop_time():
            del self._cache[voice_id]
            return None
        self._cache.move_to_end(voice_id)
        return cached

    async def _fetched(self, voice_id: str) -> GetVoiceEmbeddingResponse:
        if loop_time() < self._unreachable_until:
            raise UpstreamDown("the voice service could not be reached a moment ago")
        try:
            async with asyncio.timeout(FETCH_LIMIT_S):
                return await ask(self._voices, _get_embedding, GetVoiceEmbeddingRequest(voice_id=voice_id))
        except TimeoutError:
            self._unreachable_until = loop_time() + UNREACHABLE_FOR_S
            raise UpstreamDown("the voice service did not answer in time") from None


def _replaced(reason: str, message: str) -> ChosenVoice:
    return ChosenVoice("", replaced=VoiceReplaced(reason=reason, message=message))


def _get_embedding(
    channel: grpc.aio.Channel,
) -> "grpc.aio.UnaryUnaryMultiCallable[GetVoiceEmbeddingRequest, GetVoiceEmbeddingResponse]":
    return VoiceServiceStub(channel).GetVoiceEmbedding
