import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest

from chaos.link import DirectLink, Link

SOON_S = 0.15
"""Long enough for what would come at once."""


@dataclass
class Echo:
    """A server that sends everything back."""

    port: int = 0
    connections: list[asyncio.StreamWriter] = field(default_factory=list)
    ended: list[str] = field(default_factory=list)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections.append(writer)
        try:
            while data := await reader.read(65_536):
                writer.write(data)
                await writer.drain()
            self.ended.append("eof")
        except ConnectionResetError:
            self.ended.append("reset")
        finally:
            writer.close()


@asynccontextmanager
async def echo_behind_link() -> AsyncIterator[tuple[Echo, Link]]:
    echo = Echo()
    server = await asyncio.start_server(echo.serve, "127.0.0.1", 0)
    echo.port = server.sockets[0].getsockname()[1]
    link = Link("127.0.0.1", echo.port)
    await link.listen()
    try:
        yield echo, link
    finally:
        await link.close()
        server.close()
        for writer in echo.connections:
            writer.close()
        await asyncio.sleep(0.01)


Dial = Callable[[], Awaitable[tuple[asyncio.StreamReader, asyncio.StreamWriter]]]


@asynccontextmanager
async def connected(link: Link) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    reader, writer = await asyncio.open_connection("127.0.0.1", link.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def comes(reader: asyncio.StreamReader, expected: bytes) -> None:
    async with asyncio.timeout(5):
        assert await reader.readexactly(len(expected)) == expected


async def nothing_comes(reader: asyncio.StreamReader) -> None:
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(reader.read(1), SOON_S)


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - nothing reports it
            await asyncio.sleep(0.01)


async def test_everything_passes_and_so_does_the_end() -> None:
    big = bytes(range(256)) * 40_000
    async with echo_behind_link() as (echo, link), connected(link) as (reader, writer):
        writer.write(big)
        await comes(reader, big)
        writer.write_eof()
        assert await asyncio.wait_for(reader.read(), 5) == b""
        await until(lambda: link.connections == 0)
        assert echo.ended == ["eof"]


async def test_in_a_partition_nothing_passes_and_nobody_is_told_and_afterwards_it_arrives() -> None:
    async with echo_behind_link() as (echo, link), connected(link) as (reader, writer):
        writer.write(b"a")
        await comes(reader, b"a")
        link.darken()
        writer.write(b"b")
        await nothing_comes(reader)
        # A server that leaves meanwhile leaves a connection that is half-open.
        async with connected(link) as (late_reader, late_writer):
            late_writer.write(b"c")
            await nothing_comes(late_reader)
            assert len(echo.connections) == 1
            link.lighten()
            await comes(reader, b"b")
            await comes(late_reader, b"c")


async def test_a_server_that_dies_in_a_partition_is_not_noticed_before_its_end() -> None:
    async with echo_behind_link() as (echo, link), connected(link) as (reader, writer):
        writer.write(b"a")
        await comes(reader, b"a")
        link.darken()
        echo.connections[0].transport.abort()
        await nothing_comes(reader)
        link.lighten()
        with pytest.raises((ConnectionResetError, asyncio.IncompleteReadError)):
            await asyncio.wait_for(reader.readexactly(1), 5)


async def test_a_cut_resets_both_sides_and_new_connections_work() -> None:
    async with echo_behind_link() as (echo, link), connected(link) as (reader, writer):
        writer.write(b"a")
        await comes(reader, b"a")
        link.cut()
        with pytest.raises(ConnectionResetError):
            await asyncio.wait_for(reader.readexactly(1), 5)
        await until(lambda: echo.ended == ["reset"])
        assert link.connections == 0
        async with connected(link) as (again, speaking):
            speaking.write(b"b")
            await comes(again, b"b")


async def test_it_refuses_and_listens_again_on_the_same_port() -> None:
    async with echo_behind_link() as (_, link):
        port = link.port
        link.refuse()
        with pytest.raises(ConnectionRefusedError):
            await asyncio.open_connection("127.0.0.1", port)
        await link.listen()
        assert link.port == port
        async with connected(link) as (reader, writer):
            writer.write(b"a")
            await comes(reader, b"a")


async def test_a_caller_of_a_server_that_is_gone_is_reset() -> None:
    async with echo_behind_link() as (echo, link):
        link.target = ("127.0.0.1", 9)
        assert echo.port != 9
        async with connected(link) as (reader, _):
            with pytest.raises(ConnectionResetError):
                await asyncio.wait_for(reader.readexactly(1), 5)
        await until(lambda: link.connections == 0)


async def test_latency_delays_each_direction_and_keeps_the_order() -> None:
    clock = asyncio.get_running_loop().time
    async with echo_behind_link() as (_, link), connected(link) as (reader, writer):
        link.latency_s = 0.2
        began = clock()
        for letter in (b"a", b"b"):
            writer.write(letter)
        await comes(reader, b"ab")
        assert clock() - began >= 0.4
        link.latency_s = 0.0
        writer.write(b"c")
        await comes(reader, b"c")


async def test_a_reader_that_stops_makes_the_writer_wait() -> None:
    async with echo_behind_link() as (_, link), connected(link) as (reader, writer):
        del reader
        accepted = asyncio.create_task(send_without_end(writer))
        await asyncio.sleep(1)
        accepted.cancel()
        assert writer.transport.get_write_buffer_size() > 0


async def send_without_end(writer: asyncio.StreamWriter) -> None:
    while True:
        writer.write(bytes(1 << 16))
        await writer.drain()


async def test_a_direct_link_is_the_servers_own_port() -> None:
    async with echo_behind_link() as (echo, _):
        direct = DirectLink("127.0.0.1", echo.port)
        await direct.listen()
        async with connected(direct) as (reader, writer):
            writer.write(b"one")
            assert await reader.readexactly(3) == b"one"
            direct.refuse()
            await direct.close()
            writer.write(b"two")
            assert await reader.readexactly(3) == b"two"
        assert (direct.address, direct.connections) == (f"127.0.0.1:{echo.port}", 0)
