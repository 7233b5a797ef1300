"""Every RPC shape, over real sockets, against servicers that fail in every way."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from mesh.errors import AtCapacity, ConfigRequired, InternalError, MeshError, from_rpc_error
from mesh.rpc.server import GrpcServer
from mesh.settings import ServiceSettings
from tests.mesh import http2

Context = grpc.aio.ServicerContext[bytes, bytes]
PRIVATE = "the key is 1234"


class Failing:
    """A service whose every method raises what it was made with, streams after `after` responses."""

    def __init__(self, error: BaseException | None, *, after: int = 0, responses: int = 3) -> None:
        self.error = error
        self.after = after
        self.responses = responses
        self.entered = asyncio.Event()
        self.closed = asyncio.Event()

    async def one(self, _request: Any, _context: Context) -> bytes:
        if self.error is not None:
            raise self.error
        return b"fine"

    async def many(self, _request: Any, _context: Context) -> AsyncIterator[bytes]:
        self.entered.set()
        try:
            for number in range(self.responses):
                if self.error is not None and number == self.after:
                    raise self.error
                yield b"%d" % number
        finally:
            self.closed.set()

    async def writing(self, request: Any, context: Context) -> None:
        async for response in self.many(request, context):
            await context.write(response)

    def add(self, server: grpc.aio.Server) -> None:
        many: Any = self.many
        one: Any = self.one
        writing: Any = self.writing
        handlers: dict[str, grpc.RpcMethodHandler[bytes, bytes]] = {
            "UnaryUnary": grpc.unary_unary_rpc_method_handler(one),
            "StreamUnary": grpc.stream_unary_rpc_method_handler(one),
            "UnaryStream": grpc.unary_stream_rpc_method_handler(many),
            "StreamStream": grpc.stream_stream_rpc_method_handler(many),
            "Writing": grpc.stream_stream_rpc_method_handler(writing),
        }
        server.add_generic_rpc_handlers([grpc.method_handlers_generic_handler("test.Failing", handlers)])


def served(servicer: Failing) -> GrpcServer:
    return GrpcServer(ServiceSettings(), services=[], add=servicer.add)


def method_of(channel: grpc.aio.Channel, name: str) -> Any:
    """What calls the method; its shape is the caller's business."""
    call: Any = {
        "UnaryUnary": channel.unary_unary,
        "StreamUnary": channel.stream_unary,
        "UnaryStream": channel.unary_stream,
    }.get(name, channel.stream_stream)
    return call(f"/test.Failing/{name}")


async def called(channel: grpc.aio.Channel, name: str) -> list[bytes]:
    """All responses of one call."""

    async def requests() -> AsyncIterator[bytes]:
        yield b"a"

    call = method_of(channel, name)(b"a" if name.startswith("Unary") else requests())
    return [await call] if name.endswith("Unary") else [each async for each in call]


SHAPES = ["UnaryUnary", "StreamUnary", "UnaryStream", "StreamStream", "Writing"]


async def failure(servicer: Failing, method: str) -> MeshError:
    async with served(servicer) as server, grpc.aio.insecure_channel(server.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await called(channel, method)
    return from_rpc_error(caught.value)


@pytest.mark.parametrize("method", SHAPES)
async def test_a_healthy_call_passes(method: str) -> None:
    async with served(Failing(None)) as server, grpc.aio.insecure_channel(server.address) as channel:
        expected = [b"fine"] if method.endswith("Unary") else [b"0", b"1", b"2"]
        assert await called(channel, method) == expected


@pytest.mark.parametrize("method", SHAPES)
async def test_a_mesh_error_arrives_as_it_was_raised(method: str) -> None:
    error = await failure(Failing(AtCapacity("every recogniser is taken", retry_after=2.5)), method)
    assert type(error) is AtCapacity
    assert error.message == "every recogniser is taken"
    assert error.code is grpc.StatusCode.RESOURCE_EXHAUSTED
    assert error.reason == "AT_CAPACITY"
    assert error.retry_after == 2.5


@pytest.mark.parametrize("method", SHAPES[2:])
async def test_an_error_after_responses_still_carries_its_details(method: str) -> None:
    error = await failure(Failing(ConfigRequired("first the config", field="config"), after=2), method)
    assert type(error) is ConfigRequired
    assert error.field == "config"


@pytest.mark.parametrize("method", SHAPES)
async def test_a_bug_says_nothing_to_the_peer_and_everything_to_the_log(method: str) -> None:
    with capture_logs() as logged:
        error = await failure(Failing(ValueError(PRIVATE)), method)
    assert type(error) is InternalError
    assert error.code is grpc.StatusCode.INTERNAL
    assert error.message == "internal error"
    assert PRIVATE not in str(error.__cause__)
    (bug,) = [each for each in logged if each["log_level"] == "error"]
    assert str(bug["exc_info"]) == PRIVATE
    assert bug["method"] == f"/test.Failing/{method}"


async def test_a_cancellation_that_leaks_from_a_servicer_is_a_bug() -> None:
    error = await failure(Failing(asyncio.CancelledError()), "StreamStream")
    assert type(error) is InternalError


async def test_of_a_task_group_the_error_for_the_peer_is_told() -> None:
    group = ExceptionGroup("tasks", [ExceptionGroup("inner", [AtCapacity("full")])])
    assert type(await failure(Failing(group), "StreamStream")) is AtCapacity


async def test_of_a_task_group_a_bug_goes_first() -> None:
    group = ExceptionGroup("tasks", [AtCapacity("full"), KeyError(PRIVATE)])
    assert type(await failure(Failing(group), "StreamStream")) is InternalError


@pytest.mark.parametrize("method", ["UnaryStream", "StreamStream"])
async def test_a_generator_is_closed_when_the_peer_leaves(method: str) -> None:
    servicer = Failing(None, responses=1_000_000_000)
    async with served(servicer) as server, grpc.aio.insecure_channel(server.address) as channel:
        call = method_of(channel, method)(*[b""] if method == "UnaryStream" else [])
        await servicer.entered.wait()
        call.cancel()
        async with asyncio.timeout(5):
            await servicer.closed.wait()


async def test_an_unknown_method_is_unimplemented() -> None:
    async with served(Failing(None)) as server, grpc.aio.insecure_channel(server.address) as channel:
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await called(channel, "Nothing")
    assert from_rpc_error(caught.value).code is grpc.StatusCode.UNIMPLEMENTED


@pytest.mark.parametrize("method", SHAPES)
async def test_a_refusal_is_trailers_only(method: str) -> None:
    """One HEADERS frame that ends the stream: no response header came before it, so a retry elsewhere is possible."""
    async with served(Failing(AtCapacity("full"))) as server:
        (frame,) = await http2.answer_frames(server.port, f"/test.Failing/{method}")
    assert frame.kind == http2.HEADERS
    assert frame.flags & http2.END_STREAM
