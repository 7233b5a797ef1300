"""Against a real stream: what a generator would do is not what gRPC's requests do."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import pytest

from mesh.errors import ConfigRequired, Idle, from_rpc_error
from mesh.rpc.server import GrpcServer
from mesh.rpc.streams import before_idle, first_request
from mesh.settings import ServiceSettings
from parley.tts.v1 import tts_pb2, tts_pb2_grpc
from tests.mesh.discovery.replica import CONFIG, SERVICE, Request, Response, text


class Reader(tts_pb2_grpc.TextToSpeechServiceServicer):
    """Reads its requests with the two functions under test, and echoes the texts."""

    def __init__(self, *, first_within: float = 5.0, idle_limit: float = 5.0) -> None:
        self._first_within = first_within
        self._idle_limit = idle_limit

    async def Synthesize(  # noqa: N802 - gRPC's name
        self, request_iterator: AsyncIterator[Request], _context: Any
    ) -> AsyncIterator[Response]:
        await first_request(request_iterator, within=self._first_within)
        yield Response(started=tts_pb2.SynthesizeStarted())
        async for request in before_idle(request_iterator, self._idle_limit):
            yield Response(word=tts_pb2.WordTimed(text=request.text.text))

    async def DescribeVoices(  # noqa: N802 - gRPC's name
        self, _request: Any, _context: Any
    ) -> tts_pb2.DescribeVoicesResponse:
        return tts_pb2.DescribeVoicesResponse()


@asynccontextmanager
async def call(reader: Reader) -> AsyncIterator[grpc.aio.StreamStreamCall[Request, Response]]:
    def add(server: grpc.aio.Server) -> None:
        tts_pb2_grpc.add_TextToSpeechServiceServicer_to_server(reader, server)

    async with (
        GrpcServer(ServiceSettings(), services=[SERVICE], add=add) as server,
        grpc.aio.insecure_channel(server.address) as channel,
    ):
        yield tts_pb2_grpc.TextToSpeechServiceStub(channel).Synthesize()


async def read(call: grpc.aio.StreamStreamCall[Request, Response]) -> Any:
    """The next response, or the error as the client's code sees it."""
    try:
        async with asyncio.timeout(5):
            return await call.read()
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error


async def test_the_config_is_followed_by_the_rest() -> None:
    async with call(Reader()) as stream:
        await stream.write(CONFIG)
        assert (await read(stream)).HasField("started")
        for word in ("one", "two"):
            await stream.write(text(word))
            assert (await read(stream)).word.text == word
        await stream.done_writing()
        assert await read(stream) is grpc.aio.EOF


async def test_anything_but_the_config_is_refused() -> None:
    async with call(Reader()) as stream:
        await stream.write(text("hello"))
        with pytest.raises(ConfigRequired) as caught:
            await read(stream)
    assert caught.value.field == "config"


async def test_no_request_at_all_is_refused() -> None:
    async with call(Reader()) as stream:
        await stream.done_writing()
        with pytest.raises(ConfigRequired):
            await read(stream)


async def test_a_peer_that_says_nothing_first_is_idle() -> None:
    async with call(Reader(first_within=0.05)) as stream:
        with pytest.raises(Idle):
            await read(stream)


async def test_a_peer_that_falls_silent_is_idle_after_its_limit() -> None:
    async with call(Reader(idle_limit=0.2)) as stream:
        await stream.write(CONFIG)
        await read(stream)
        for _ in range(3):
            await asyncio.sleep(0.1)
            await stream.write(text("still here"))
            await read(stream)
        with pytest.raises(Idle, match=r"no request for 0\.2 s"):
            await read(stream)
