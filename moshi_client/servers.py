"""All moshi-servers behind a proxy, and the leases on their slots.

async with opened(urls, path, options, metrics) as servers, servers.lease(call) as connection: ...
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TypeVar

import httpx2

from mesh.engines import upstreams
from mesh.engines.lease_metrics import LeaseMetrics
from mesh.engines.server_urls import ServerUrl
from mesh.engines.upstreams import Health, Place, Upstreams
from mesh.pool import Options
from moshi_client.connection import Call, Connection, connected
from moshi_client.probe import probe

M = TypeVar("M")


@asynccontextmanager
async def opened(
    urls: Sequence[ServerUrl], path: str, options: Options, metrics: LeaseMetrics
) -> AsyncIterator["MoshiServers"]:
    """The servers at these URLs, whose module at `path` is wanted, followed and probed meanwhile."""
    # Loaded once: that takes longer than opening a stream may.
    tls = await asyncio.to_thread(ssl.create_default_context) if any(url.secure for url in urls) else None
    async with httpx2.AsyncClient(verify=tls or False, trust_env=False) as client:

        async def probed(place: Place[ServerUrl]) -> Health:
            return await probe(place, client, path)

        async with upstreams.opened(urls, probed, options, metrics) as servers:
            yield MoshiServers(servers, tls)


class MoshiServers:
    """The servers, wherever they are; see `opened`."""

    def __init__(self, servers: Upstreams[ServerUrl], tls: ssl.SSLContext | None) -> None:
        self.upstreams = servers
        self._tls = tls

    @property
    def answering(self) -> bool:
        """Whether any of them answered its last probe."""
        return self.upstreams.answering

    @property
    def most_streams(self) -> int:
        """How many streams may be open."""
        return self.upstreams.most_leases

    @asynccontextmanager
    async def lease(self, call: Call[M]) -> AsyncIterator[Connection[M]]:
        """A stream with a slot of one of them, given back on leaving.

        Raises, in time, `AtCapacity` if one of them was full, `UpstreamMisconfigured` if it was for that alone,
        `VoiceNotFound`, and `UpstreamDown` otherwise.
        """

        def connect(place: Place[ServerUrl]) -> AbstractAsyncContextManager[Connection[M]]:
            tls = self._tls if place.url.secure else None
            return connected(place.url.websocket(call.target), place.host_port, call, tls)

        async with self.upstreams.lease(connect) as connection:
            yield connection
