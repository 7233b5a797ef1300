"""The engine behind the proxy's interface: each reply has a slot of one of the servers.

A server speaks with a voice of its own when it does not have the one it is asked for, and tells nobody.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Final
from urllib.parse import quote, urlencode

from mesh.engines.lease_metrics import LeaseMetrics
from mesh.engines.server_urls import ServerUrl
from mesh.pool import Options
from moshi_client import servers as moshi
from moshi_client.connection import Call
from moshi_client.messages import from_voice
from moshi_client.servers import MoshiServers
from tts_proxy.engines.moshi.utterance import MoshiUtterance

_PATH = "/api/tts_streaming"
_CFG_ALPHA = 1.5
"""How closely the older voice model keeps to its text; the newer one does not look at it."""


class MoshiEngine:
    """A `SynthesisEngine`. `voice` is that of a reply that names none; empty: the server's own."""

    name: Final = "moshi"

    def __init__(self, servers: MoshiServers, key: str, voice: str) -> None:
        self._servers = servers
        self._key = key
        self._voice = voice

    @property
    def capacity(self) -> int:
        """How many utterances may be open."""
        return self._servers.most_streams

    @property
    def available(self) -> bool:
        """Whether any server answers."""
        return self._servers.answering

    @asynccontextmanager
    async def open(self, voice: str, embedding: bytes | None = None) -> AsyncIterator[MoshiUtterance]:
        """Lease a slot for one reply. `embedding` is the message that cloning got of the voice's server, as it was.

        Raises `AtCapacity`, `VoiceNotFound` if the server says so, `UpstreamDown` and `UpstreamMisconfigured`.
        """
        named = "" if embedding is not None else voice or self._voice
        call = Call(_target(named), from_voice, self._key, first=embedding)
        async with self._servers.lease(call) as connection:
            yield MoshiUtterance(connection)


@asynccontextmanager
async def moshi_engine(
    urls: Sequence[ServerUrl], *, key: str, voice: str, options: Options, metrics: LeaseMetrics
) -> AsyncIterator[MoshiEngine]:
    """The engine on the servers at these URLs, meanwhile. They need not be up yet."""
    async with moshi.opened(urls, _PATH, options, metrics) as servers:
        yield MoshiEngine(servers, key, voice)


def _target(voice: str) -> str:
    query = {"format": "PcmMessagePack", **({"voice": voice} if voice else {}), "cfg_alpha": str(_CFG_ALPHA)}
    return f"{_PATH}?{urlencode(query, quote_via=quote, safe='')}"
