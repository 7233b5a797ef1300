"""Connections of clients that want to keep one, or to fill it, or do not speak HTTP."""

import asyncio
import json
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TypeAlias

import pytest

from edge.http.connections import HEAD_LIMIT_BYTES
from edge.server import EdgeServer
from tests.edge.clients import Client, http_of
from tests.fakes.conversation import LIMIT_S

Connection: TypeAlias = tuple[asyncio.StreamReader, asyncio.StreamWriter]
HANDSHAKE = (
    "Connection: Upgrade",
    "Upgrade: websocket",
    "Sec-WebSocket-Version: 13",
    "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==",
)


@asynccontextmanager
async def connected(edge: EdgeServer) -> AsyncIterator[Connection]:
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    try:
        yield reader, writer
    finally:
        writer.close()


async def answered(connection: Connection) -> tuple[int, bytes]:
    """The status and the body of the next answer."""
    reader, _ = connection
    async with asyncio.timeout(LIMIT_S):
        head = (await reader.readuntil(b"\r\n\r\n")).lower()
        length = int(head.partition(b"content-length: ")[2].partition(b"\r\n")[0])
        return int(head.split()[1]), await reader.readexactly(length)


async def closed(connection: Connection) -> bool:
    """Whether the edge closes it, without another word."""
    async with asyncio.timeout(LIMIT_S):
        try:
            return await connection[0].read() == b""
        except ConnectionError:
            return True


def handshake(*headers: str, path: str = "/v1/realtime") -> bytes:
    lines = (f"GET {path} HTTP/1.1", "Host: edge", *HANDSHAKE, *headers, "", "")
    return "\r\n".join(lines).encode()


class TestTime:
    @pytest.fixture(autouse=True)
    def quickly(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr("edge.http.connections.HEAD_LIMIT_S", 0.3)

    async def test_who_sends_nothing_is_let_go(self, edge: EdgeServer) -> None:
        async with connected(edge) as connection:
            assert await closed(connection)

    async def test_half_a_head_is_not_waited_for(self, edge: EdgeServer) -> None:
        async with connected(edge) as connection:
            connection[1].write(b"GET /v1/health HTTP/1.1\r\nHost:")
            assert await answered(connection) == (408, b'{"detail":"the request came too slowly"}')
            assert await closed(connection)

    async def test_dripping_gains_no_time(self, edge: EdgeServer) -> None:
        async with connected(edge) as connection:
            dripping = asyncio.create_task(drip(connection[1], b"GET / HTTP/1.1\r\nX: " + b"x" * 1_000))
            assert (await answered(connection))[0] == 408
            await dripping

    @pytest.mark.parametrize("drop", [b"\r\n", b"x"])
    async def test_nor_does_dripping_after_a_request(self, edge: EdgeServer, drop: bytes) -> None:
        async with connected(edge) as connection:
            connection[1].write(b"GET /v1/health HTTP/1.1\r\nHost: edge\r\nContent-Length: 1000\r\n\r\n")
            assert (await answered(connection))[0] == 200
            dripping = asyncio.create_task(drip(connection[1], drop * 1_000))
            async with asyncio.timeout(LIMIT_S):
                await dripping
            assert await closed(connection)

    async def test_who_is_in_a_conversation_has_all_the_time(self, client: Client) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.6):
                await client.websocket.recv()
        await (await client.websocket.ping())

    async def test_a_connection_is_good_for_many_requests(self, edge: EdgeServer) -> None:
        async with connected(edge) as connection:
            for _ in range(8):
                connection[1].write(b"GET / HTTP/1.1\r\nHost: edge\r\n\r\n")
                assert (await answered(connection))[0] == 200
                await asyncio.sleep(0.1)


class TestSize:
    async def test_a_head_without_end_is_cut_off(self, edge: EdgeServer) -> None:
        async with connected(edge) as (_, writer):
            with pytest.raises(ConnectionError):
                await pour(writer, b"X: y\r\n" * 1_000)

    async def test_it_is_told_why(self, edge: EdgeServer) -> None:
        async with connected(edge) as connection:
            connection[1].write(b"GET / HTTP/1.1\r\nX: ")
            connection[1].write(b"y" * (HEAD_LIMIT_BYTES + 1))
            status, body = await answered(connection)
            assert (status, json.loads(body)) == (431, {"detail": "a head may have 65536 bytes"})

    async def test_what_is_long_but_not_too_long_is_taken(self, edge: EdgeServer) -> None:
        async with http_of(edge.port) as http:
            answer = await http.get("/v1/health", headers={"x": "y" * (HEAD_LIMIT_BYTES // 2)})
        assert answer.status_code == 200

    async def test_nor_does_the_rest_of_a_body_that_was_not_wanted(self, edge: EdgeServer) -> None:
        async with connected(edge) as connection:
            connection[1].write(b"POST /v1/health HTTP/1.1\r\nHost: edge\r\nContent-Length: 1000000\r\n\r\n")
            assert (await answered(connection))[0] == 405
            connection[1].write(bytes(1_000_000) + b"GET /v1/health HTTP/1.1\r\nHost: edge\r\n\r\n")
            assert (await answered(connection))[0] == 200

    async def test_bodies_do_not_count(self, edge: EdgeServer) -> None:
        async with connected(edge) as connection:
            for _ in range(3):
                request = b"GET /v1/health HTTP/1.1\r\nHost: edge\r\nContent-Length: 60000\r\n\r\n" + bytes(60_000)
                connection[1].write(request)
                assert (await answered(connection))[0] == 200


class TestHandshakes:
    @pytest.mark.parametrize(
        ("request_", "status"),
        [
            (handshake(*(f"X-{n}: y" for n in range(200))), 431),
            (handshake("Cookie: " + "y" * 20_000), 431),
            (handshake(path="/v1/realtime?" + "y" * 20_000), 414),
            (handshake("Content-Length: 5") + b"hello", 400),
            (handshake("Sec-WebSocket-Key: second"), 400),
            (handshake().replace(b"Version: 13", b"Version: 8"), 400),
            (handshake().replace(b"GET", b"POST"), 405),
        ],
        ids=["headers", "long-header", "long-path", "body", "two-keys", "version", "method"],
    )
    async def test_what_is_none_is_answered(self, edge: EdgeServer, request_: bytes, status: int) -> None:
        async with connected(edge) as connection:
            connection[1].write(request_)
            assert (await answered(connection))[0] == status
            assert await closed(connection)

    async def test_a_refusal_is_no_error_in_the_log(self, edge: EdgeServer, caplog: pytest.LogCaptureFixture) -> None:
        async with connected(edge) as connection:
            connection[1].write(handshake("Origin: http://elsewhere.example"))
            assert (await answered(connection))[0] == 403
            assert await closed(connection)
        assert not [record for record in caplog.records if record.levelname == "ERROR"]


@pytest.mark.parametrize("nonsense", [b"\x16\x03\x01\x02\x00\x01", b"hello\r\n\r\n", b"GET /\xff HTTP/1.1\r\n\r\n"])
async def test_what_is_no_http_is_answered_and_harms_nobody(edge: EdgeServer, client: Client, nonsense: bytes) -> None:
    async with connected(edge) as connection:
        connection[1].write(nonsense)
        assert (await answered(connection))[0] == 400
        assert await closed(connection)
    await (await client.websocket.ping())


async def drip(writer: asyncio.StreamWriter, data: bytes) -> None:
    """Send a byte at a time until the connection is closed."""
    for byte in data:
        if writer.is_closing():
            return
        writer.write(bytes([byte]))
        await asyncio.sleep(0.02)


async def pour(writer: asyncio.StreamWriter, piece: bytes) -> None:
    """Send it again and again, until the connection breaks."""
    writer.write(b"GET / HTTP/1.1\r\n")
    async with asyncio.timeout(LIMIT_S):
        while True:
            writer.write(piece)
            await writer.drain()


async def test_who_leaves_before_the_refusal_is_no_error(edge: EdgeServer, caplog: pytest.LogCaptureFixture) -> None:
    for path in ("/v1/realtime", "/nowhere"):
        for _ in range(20):
            with socket.create_connection(("127.0.0.1", edge.port)) as leaving:
                leaving.sendall(handshake("Origin: http://elsewhere.example", path=path))
                leaving.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    async with http_of(edge.port) as http:
        await http.get("/")  # after all of these
    assert not [record for record in caplog.records if record.levelname == "ERROR"]
