import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from launcher.running.probes import grpc_serving, http_json
from tests.fakes.conversation import FakeConversation, conversation_server
from tests.tcp import serving_tcp


async def test_a_grpc_server_serves_until_it_drains() -> None:
    async with conversation_server(FakeConversation()) as server:
        assert await grpc_serving(server.address)
        await server.health.stop_serving()
        assert not await grpc_serving(server.address)
    assert not await grpc_serving(server.address)


@asynccontextmanager
async def answering(answer: bytes) -> AsyncIterator[int]:
    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(answer)

    async with serving_tcp(serve) as port:
        yield port


@pytest.mark.parametrize(
    ("answer", "value"),
    [
        (b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"up": 1}', {"up": 1}),
        (b"HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nnope", None),
        (b"HTTP/1.1 503 Unavailable\r\nContent-Length: 2\r\n\r\n{}", None),
        (b"something else\r\n", None),
        (b"", None),
    ],
)
async def test_json_over_http(answer: bytes, value: object) -> None:
    async with answering(answer) as port:
        assert await http_json("127.0.0.1", port, "/") == value


async def test_nobody_answers_over_http() -> None:
    assert await http_json("127.0.0.1", 9, "/") is None


async def test_a_silent_server_is_not_waited_for() -> None:
    async def stay_silent(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()
        await asyncio.Event().wait()

    async with serving_tcp(stay_silent) as port:
        assert await http_json("127.0.0.1", port, "/", timeout_s=0.1) is None


@pytest.fixture
def proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    """Proxies for everything, none of which answers."""
    for name in ("http_proxy", "https_proxy", "grpc_proxy", "all_proxy", "HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    for name in ("no_proxy", "NO_PROXY", "no_grpc_proxy"):
        monkeypatch.delenv(name, raising=False)


@pytest.mark.usefixtures("proxy")
async def test_a_proxy_of_the_environment_is_not_asked_for_the_way_to_a_process() -> None:
    async with conversation_server(FakeConversation()) as server:
        assert await grpc_serving(server.address)
    async with answering(b'HTTP/1.1 200 OK\r\nContent-Length: 9\r\n\r\n{"up": 1}') as port:
        assert await http_json("127.0.0.1", port, "/") == {"up": 1}
