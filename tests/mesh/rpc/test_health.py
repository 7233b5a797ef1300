"""A server's health, watched from the other end of a channel."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mesh.rpc.channels import open_channel
from mesh.rpc.health import is_serving, watch
from mesh.rpc.server import GrpcServer
from mesh.settings import ServiceSettings
from standins.watched import Watched
from tests.mesh.discovery.replica import Speaker, nobody


class View(Watched):
    """What a watch has told, without what it only said again."""

    def __init__(self) -> None:
        super().__init__()
        self.told: list[bool] = []

    def tell(self, serving: bool) -> None:
        if self.told[-1:] != [serving]:
            self.told.append(serving)
        self.changed()

    async def becomes(self, *told: bool) -> None:
        await self.until(lambda: self.told == list(told))


@asynccontextmanager
async def watched(address: str, name: str = "") -> AsyncIterator[View]:
    view = View()
    async with open_channel(address) as channel:
        task = asyncio.create_task(watch(channel, view.tell, name))
        try:
            yield view
        finally:
            task.cancel()
            with suppress(asyncio.CancelledError):
                await task


async def test_a_change_is_told_when_it_happens() -> None:
    async with Speaker().served() as server, watched(server.address) as view:
        await view.becomes(True)
        await server.health.set("", serving=False)
        await view.becomes(True, False)
        await server.health.set("", serving=True)
        await view.becomes(True, False, True)


async def test_a_name_of_its_own_is_watched_alone() -> None:
    async with Speaker().served() as server, watched(server.address, "llm") as view:
        await view.becomes(False)
        await server.health.set("llm", serving=True)
        await view.becomes(False, True)
        await server.health.set("", serving=False)
        await server.health.set("llm", serving=False)
        await view.becomes(False, True, False)


async def test_a_server_that_drains_says_so_before_it_stops() -> None:
    async with Speaker().served() as server, watched(server.address) as view:
        await view.becomes(True)
        await server._refuse_calls()
        await view.becomes(True, False)


async def test_nobody_does_not_serve_and_is_awaited() -> None:
    with nobody() as address:
        async with watched(address) as view:
            await view.becomes(False)
    async with watched(address) as view:
        await view.becomes(False)
        async with Speaker().served(port=int(address.rpartition(":")[2])):
            await view.becomes(False, True)
        await view.becomes(False, True, False)


class OddHealth(health_pb2_grpc.HealthServicer):
    """Serves every watch with its `behaviour`."""

    def __init__(self, behaviour: Callable[[Any], AsyncIterator[Any]]) -> None:
        self.behaviour = behaviour
        self.watches = 0

    async def Watch(self, _request: Any, context: Any) -> AsyncIterator[Any]:  # noqa: N802 - gRPC's name
        self.watches += 1
        async for answer in self.behaviour(context):
            yield answer


@asynccontextmanager
async def odd(behaviour: Callable[[Any], AsyncIterator[Any]]) -> AsyncIterator[tuple[OddHealth, str]]:
    servicer = OddHealth(behaviour)
    server = grpc.aio.server()
    health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    yield servicer, f"127.0.0.1:{port}"
    await server.stop(None)


async def test_a_watch_that_ends_is_begun_anew_ever_more_slowly(monkeypatch: pytest.MonkeyPatch) -> None:
    pauses: list[float] = []
    many = asyncio.Event()

    async def short(_context: Any) -> AsyncIterator[Any]:
        yield health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)

    async def sleep(seconds: float) -> None:
        pauses.append(seconds)
        if len(pauses) == 9:
            many.set()
            await asyncio.Event().wait()

    monkeypatch.setattr(asyncio, "sleep", sleep)
    async with odd(short) as (servicer, address), watched(address) as view, asyncio.timeout(10):
        await many.wait()
        assert view.told == [True, False] * 9
        assert servicer.watches == 9
    for pause, longest in zip(pauses, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 5.0, 5.0, 5.0], strict=True):
        assert longest / 2 <= pause <= longest


async def test_a_server_that_knows_nothing_of_health_serves() -> None:
    server = grpc.aio.server()
    port = server.add_insecure_port("127.0.0.1:0")
    await server.start()
    async with watched(f"127.0.0.1:{port}") as view:
        await view.becomes(True)
        await server.stop(None)
        await view.becomes(True, False)


async def test_an_error_is_not_serving() -> None:
    async def failing(context: Any) -> AsyncIterator[Any]:
        await context.abort(grpc.StatusCode.INTERNAL)
        yield

    async with odd(failing) as (_, address), watched(address) as view:
        await view.becomes(False)


async def test_a_watch_that_is_cancelled_leaves_the_server_nothing() -> None:
    ended = asyncio.Event()

    async def endless(_context: Any) -> AsyncIterator[Any]:
        try:
            yield health_pb2.HealthCheckResponse(status=health_pb2.HealthCheckResponse.SERVING)
            await asyncio.Event().wait()
        finally:
            ended.set()

    async with odd(endless) as (_, address):
        async with watched(address) as view:
            await view.becomes(True)
        async with asyncio.timeout(5):
            await ended.wait()


async def test_a_server_stops_although_it_is_watched() -> None:
    server = GrpcServer(ServiceSettings(), services=[], add=lambda _: None)
    async with server, watched(server.address) as view:
        await view.becomes(True)
        async with asyncio.timeout(3):
            await server.__aexit__(None, None, None)
        await view.becomes(True, False)


async def test_one_that_is_asked_says_yes_or_no_or_nothing() -> None:
    async with Speaker().served() as server, open_channel(server.address) as channel:
        await server.health.set("llm", serving=False)
        assert await is_serving(channel, within=5) is True
        assert await is_serving(channel, "llm", within=5) is False
        assert await is_serving(channel, "news", within=5) is None
    with nobody() as dead:
        async with open_channel(dead) as channel:
            assert await is_serving(channel, within=1) is None
