"""Servers of a wire that is nobody's: over TCP, one line when a connection gets a slot, and one when it does not."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import NamedTuple

import pytest

from mesh.discovery.addresses import HostPort
from mesh.engines import upstreams
from mesh.engines.upstreams import Health, LeaseMeter, Place, Upstreams, error_for
from mesh.errors import AtCapacity, BadAudio, MeshError, UpstreamDown, UpstreamMisconfigured
from mesh.pool import FailedTry, NoneFound, Options, Outcome
from tests.tcp import serving_tcp

ERRORS: dict[bytes, MeshError] = {
    b"full\n": AtCapacity("full"),
    b"": UpstreamDown("gone"),
    b"key\n": UpstreamMisconfigured("wrong key"),
    b"request\n": BadAudio("bad"),
}


class Url(NamedTuple):
    host: str
    port: int

    @property
    def target(self) -> HostPort:
        return HostPort(self.host, self.port)


class LineServer:
    """Says `word` to everybody, and waits for the end."""

    def __init__(self, word: bytes = b"ready\n") -> None:
        self.word = word
        self.health = Health(serving=True)
        self.connections = 0
        self.live = 0
        self.port = 0

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["LineServer"]:
        async with serving_tcp(self._serve) as self.port:
            yield self

    async def idle(self) -> None:
        async with asyncio.timeout(5):
            while self.live:  # noqa: ASYNC110 - only to be asked for
                await asyncio.sleep(0.01)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.live += 1
        writer.write(self.word)
        if self.word:
            await reader.read()
        self.live -= 1


class Counts(LeaseMeter):
    def __init__(self) -> None:
        self.events: list[str] = []
        self.health: list[Health] = []

    @contextmanager
    def lease(self) -> Iterator[None]:
        self.events.append("lease")
        yield
        self.events.append("left")

    def found(self, _seconds: float) -> None:
        self.events.append("found")

    def refused(self, _seconds: float) -> None:
        self.events.append("refused")

    def failed(self) -> None:
        self.events.append("failed")

    def missed(self) -> None:
        self.events.append("missed")

    def probed(self, health: object) -> None:
        assert isinstance(health, list)
        self.health = health


@asynccontextmanager
async def connect(place: Place[Url]) -> AsyncIterator[asyncio.StreamReader]:
    reader, writer = await asyncio.open_connection(*place.host_port)
    try:
        if (word := await reader.readline()) != b"ready\n":
            raise ERRORS[word]
        yield reader
    finally:
        writer.close()


@asynccontextmanager
async def opened(
    *servers: LineServer, most: int = 10, try_s: float = 2.0, search_s: float = 3.0
) -> AsyncIterator[tuple[Upstreams[Url], Counts]]:
    async with AsyncExitStack() as exits:
        by_port = {(await exits.enter_async_context(server.serving())).port: server for server in servers}

        async def probe(place: Place[Url]) -> Health:
            return by_port[place.host_port.port].health

        counts = Counts()
        options = Options(most_leases=most, try_limit_s=try_s, search_limit_s=search_s)
        urls = [Url("127.0.0.1", server.port) for server in servers]
        yield await exits.enter_async_context(upstreams.opened(urls, probe, options, counts)), counts
        for server in servers:
            await server.idle()


async def test_a_lease_is_a_connection_that_is_left_in_the_end() -> None:
    server = LineServer()
    async with opened(server) as (found, counts):
        async with found.lease(connect), found.lease(connect):
            assert server.live == 2
        await server.idle()
        assert counts.events == ["lease", "found", "lease", "found", "left", "left"]


async def test_full_and_failing_servers_lead_on_to_the_next() -> None:
    full, gone, good = LineServer(b"full\n"), LineServer(b""), LineServer()
    async with opened(full, gone, good) as (found, counts):
        while not (full.connections and gone.connections):
            async with found.lease(connect):
                assert good.live == 1
            await good.idle()
        assert counts.events.count("refused") == full.connections
        assert counts.events.count("failed") == gone.connections == 1
        assert "missed" not in counts.events


async def test_the_freest_is_taken_and_what_the_probes_found_is_told() -> None:
    small, large, down = LineServer(), LineServer(), LineServer()
    small.health, large.health, down.health = Health(True, (3, 4)), Health(True, (3, 5)), Health(False)
    async with opened(small, large, down) as (found, counts):
        async with found.lease(connect):
            assert (small.live, large.live) == (0, 1)
        assert counts.health == [small.health, large.health, down.health]
        assert found.answering
        small.health = large.health = Health(False)
        await found.refresh()
        assert not found.answering


@pytest.mark.parametrize(
    ("words", "kind"),
    [
        ([b"full\n", b""], AtCapacity),
        ([b"key\n", b"key\n"], UpstreamMisconfigured),
        ([b"key\n", b""], UpstreamDown),
        ([], UpstreamDown),
        ([b"request\n"], BadAudio),
    ],
)
async def test_why_there_is_no_lease(words: list[bytes], kind: type[MeshError]) -> None:
    async with opened(*map(LineServer, words)) as (found, counts):
        with pytest.raises(MeshError) as caught:
            async with found.lease(connect):
                pass
        assert type(caught.value) is kind
        assert counts.events[0] == "lease"
        assert ("missed" in counts.events) is (kind is not BadAudio)


async def test_a_server_that_is_never_ready_is_down() -> None:
    silent = LineServer(b"wait")
    async with opened(silent, try_s=0.1, search_s=0.2) as (found, _):
        with pytest.raises(UpstreamDown, match="the engine did not answer in time"):
            async with found.lease(connect):
                pass


async def test_the_limit_of_leases_is_a_refusal_that_asks_nobody() -> None:
    server = LineServer()
    async with opened(server, most=1) as (found, _), found.lease(connect):
        assert found.most_leases == 1
        with pytest.raises(AtCapacity):
            async with found.lease(connect):
                pass
        assert server.connections == 1


async def test_a_request_is_answered_by_the_first_that_answers() -> None:
    async def ask(place: Place[Url]) -> str:
        async with connect(place):
            return place.address

    gone, good = LineServer(b""), LineServer()
    async with opened(gone, good) as (found, _):
        assert await found.first(ask) == f"127.0.0.1:{good.port}"


def tried(outcome: Outcome, error: MeshError) -> FailedTry:
    return FailedTry(outcome, error, error.retry_after or 0.0)


DOWN = tried(Outcome.FAILED, UpstreamDown("lost"))
FULL = tried(Outcome.FULL, AtCapacity("full", retry_after=3.0))
WRONG = tried(Outcome.MISCONFIGURED, UpstreamMisconfigured("key"))


@pytest.mark.parametrize(
    ("tries", "kind", "message", "retry_after"),
    [
        ((), UpstreamDown, "no voice can be reached", None),
        ((DOWN,), UpstreamDown, "lost", None),
        ((WRONG, DOWN), UpstreamDown, "lost", None),
        ((DOWN, WRONG), UpstreamDown, "key", None),
        ((WRONG, WRONG), UpstreamMisconfigured, "key", None),
        ((DOWN, FULL, WRONG), AtCapacity, "every slot of the voice is taken", 3.0),
    ],
)
def test_what_a_search_without_a_find_is_called(
    tries: tuple[FailedTry, ...], kind: type[MeshError], message: str, retry_after: float | None
) -> None:
    error = error_for("voice", NoneFound(tries))
    assert (type(error), error.message, error.retry_after) == (kind, message, retry_after)
