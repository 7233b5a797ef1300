"""The engine behind the proxy's interface: each stream has a slot of one of the servers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from mesh.engines.lease_metrics import LeaseMetrics
from mesh.engines.server_urls import ServerUrl
from mesh.pool import Options
from moshi_client import servers as moshi
from moshi_client.connection import Call
from moshi_client.messages import FromRecogniser, from_recogniser
from moshi_client.servers import MoshiServers
from stt_proxy.engine import FLUSH_LIMIT_S
from stt_proxy.engines.moshi.recognizer import MoshiRecognizer
from stt_proxy.engines.moshi.stream_state import Model, StreamState

_PATH = "/api/asr-streaming"


class MoshiEngine:
    """A `RecognitionEngine`. Which languages the servers' model knows is told by nobody: they are not looked at."""

    flush_limit_s = FLUSH_LIMIT_S

    def __init__(self, servers: MoshiServers, model: Model, key: str) -> None:
        self._servers = servers
        self._model = model
        self._call: Call[FromRecogniser] = Call(_PATH, from_recogniser, key)

    @property
    def capacity(self) -> int:
        """How many streams may be open."""
        return self._servers.most_streams

    @property
    def available(self) -> bool:
        """Whether any server answers."""
        return self._servers.answering

    @asynccontextmanager
    async def open(self, language: str) -> AsyncIterator[MoshiRecognizer]:  # noqa: ARG002
        """Lease a slot for one stream. Raises `AtCapacity`, `UpstreamDown`, `UpstreamMisconfigured`."""
        async with self._servers.lease(self._call) as connection:
            yield MoshiRecognizer(connection, StreamState(self._model))


@asynccontextmanager
async def moshi_engine(
    urls: Sequence[ServerUrl], *, key: str, model: Model, options: Options, metrics: LeaseMetrics
) -> AsyncIterator[MoshiEngine]:
    """The engine on the servers at these URLs, meanwhile. They need not be up yet."""
    async with moshi.opened(urls, _PATH, options, metrics) as servers:
        yield MoshiEngine(servers, model, key)
