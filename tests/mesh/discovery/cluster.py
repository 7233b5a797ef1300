"""Replicas under one name, at 127.0.0.2, 127.0.0.3, … on one port, and the name service that knows them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass

from mesh.discovery.search import Replicas, SearchMeter
from mesh.process.ports import PortTaken
from mesh.rpc.server import GrpcServer
from tests.mesh.discovery.replica import Speaker


class Names:
    """A name service that knows one name, and answers as a test says."""

    def __init__(self, *addresses: str) -> None:
        self.addresses = list(addresses)
        self.asked = 0
        self.down = False
        self.answers = asyncio.Event()
        self.answers.set()

    async def lookup(self, name: str) -> list[str]:
        self.asked += 1
        await self.answers.wait()
        if self.down or name != "tts":
            raise OSError("the name service is down")
        return list(self.addresses)


class Counts(SearchMeter):
    """Counts what it is told."""

    def __init__(self) -> None:
        self.searches: list[float] = []
        self.refusals: list[float] = []
        self.failures = 0
        self.misses = 0

    def found(self, seconds: float) -> None:
        self.searches.append(seconds)

    def refused(self, seconds: float) -> None:
        self.refusals.append(seconds)

    def failed(self) -> None:
        self.failures += 1

    def missed(self) -> None:
        self.misses += 1


@dataclass(frozen=True)
class Cluster:
    """The servers, in the order of their addresses, and whom they serve."""

    servers: list[GrpcServer]
    speakers: list[Speaker]
    names: Names
    counts: Counts

    def replicas(self) -> Replicas:
        """To be entered."""
        target = f"dns:///tts:{self.servers[0].port}"
        return Replicas("tts", target, lookup=self.names.lookup, meter=self.counts)

    @property
    def addresses(self) -> list[str]:
        return [server.address for server in self.servers]

    async def no_call_left(self) -> None:
        async with asyncio.timeout(5):
            for speaker in self.speakers:
                await speaker.idle()


@asynccontextmanager
async def cluster(*speakers: Speaker) -> AsyncIterator[Cluster]:
    async with AsyncExitStack() as exits:
        hosts = [f"127.0.0.{number}" for number in range(2, 2 + len(speakers))]
        servers = await exits.enter_async_context(_on_one_port(hosts, speakers))
        yield Cluster(servers, list(speakers), Names(*hosts), Counts())


@asynccontextmanager
async def _on_one_port(hosts: list[str], speakers: tuple[Speaker, ...]) -> AsyncIterator[list[GrpcServer]]:
    while True:
        async with AsyncExitStack() as exits:
            servers: list[GrpcServer] = []
            try:
                for host, speaker in zip(hosts, speakers, strict=True):
                    port = servers[0].port if servers else 0
                    servers.append(await exits.enter_async_context(speaker.served(host=host, port=port)))
            except PortTaken:
                continue  # free on the first address only
            yield servers
            return
