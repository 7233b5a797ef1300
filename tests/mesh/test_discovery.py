import asyncio
import contextlib
import socket
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mesh import replicas as replicas_module
from mesh.discovery import Replicas, admitted, any_serving, ask
from mesh.errors import (
    AtCapacity,
    Draining,
    InternalError,
    MissingServiceAtCapacity,
    MissingServiceTimeout,
    UpstreamDown,
    VoiceNotFound,
)
from mesh.server import GrpcServer
from tests.mesh.replica import CONFIG, Request, Speaker, method

Serve = Callable[..., Any]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts servers that live until the test ends."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*speakers: Speaker) -> list[GrpcServer]:
            return [await stack.enter_async_context(speaker.served()) for speaker in speakers]

        yield start


def target(*servers: GrpcServer) -> str:
    return ",".join(server.address for server in servers)


@contextlib.contextmanager
def nobody() -> Any:
    """The address of a port on which nobody will ever listen."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


async def admit(target: str, method: Any = method) -> str:
    """The replica that admits."""
    async with Replicas("tts", target) as replicas, admitted(replicas, method, CONFIG) as stream:
        return stream.replica


async def test_the_one_replica_admits(serve: Serve) -> None:
    (server,) = await serve(Speaker())
    assert await admit(server.address) == server.address


async def test_a_full_replica_leads_on_to_the_next(serve: Serve) -> None:
    servers = await serve(*[Speaker(AtCapacity("full")) for _ in range(5)], Speaker())
    assert await admit(target(*servers)) == servers[-1].address


async def test_when_all_are_full_the_shortest_retry_is_told(serve: Serve) -> None:
    servers = await serve(Speaker(AtCapacity("full", retry_after=4.0)), Speaker(AtCapacity("full", retry_after=2.0)))
    with pytest.raises(MissingServiceAtCapacity) as caught:
        await admit(target(*servers))
    assert (caught.value.service, caught.value.retry_after) == ("tts", 2.0)


async def test_one_full_and_the_others_dead_is_at_capacity(serve: Serve) -> None:
    servers = await serve(Speaker(AtCapacity("full")))
    began = time.monotonic()
    with nobody() as dead, pytest.raises(MissingServiceAtCapacity):
        await admit(f"{target(*servers)},{dead}")
    assert time.monotonic() - began < 0.4


async def test_a_dead_replica_costs_next_to_nothing(serve: Serve) -> None:
    (server,) = await serve(Speaker())
    with nobody() as dead:
        began = time.monotonic()
        assert await admit(f"{dead},{server.address}") == server.address
    assert time.monotonic() - began < 0.4


async def test_nobody_there_is_missing_within_half_a_second() -> None:
    began = time.monotonic()
    with nobody() as dead, pytest.raises(MissingServiceTimeout) as caught:
        await admit(dead)
    assert caught.value.service == "tts"
    assert time.monotonic() - began < 1.0


async def test_replicas_that_do_not_answer_end_the_search_in_time(serve: Serve) -> None:
    speakers = [Speaker() for _ in range(4)]
    for speaker in speakers:
        speaker.admits.clear()
    servers = await serve(*speakers)
    began = time.monotonic()
    with pytest.raises(MissingServiceTimeout):
        await admit(target(*servers))
    assert 1.0 < time.monotonic() - began < 2.0
    async with asyncio.timeout(5):
        for speaker in speakers:
            if speaker.calls:
                await speaker.left.wait()
    assert sum(speaker.calls for speaker in speakers) == 3
    assert sum(speaker.live for speaker in speakers) == 0


async def test_three_failures_end_the_search_and_refusals_are_not_among_them(serve: Serve) -> None:
    down = [Speaker(UpstreamDown("no engine")) for _ in range(5)]
    full = [Speaker(AtCapacity("full")) for _ in range(5)]
    servers = await serve(*down, *full)
    for server in servers[:5]:
        await server.health.set("", serving=False)
    with pytest.raises(MissingServiceAtCapacity):
        await admit(target(*servers))
    assert sum(speaker.calls for speaker in full) == 5
    assert sum(speaker.calls for speaker in down) == 3


async def test_a_draining_replica_is_passed_over(serve: Serve) -> None:
    servers = await serve(Speaker(Draining("about to stop")), Speaker())
    assert await admit(target(*servers)) == servers[1].address


@pytest.mark.parametrize("kind", [VoiceNotFound, InternalError])
async def test_an_error_that_would_be_the_same_everywhere_is_raised_at_once(serve: Serve, kind: type[Any]) -> None:
    speakers = [Speaker(kind("no")), Speaker(kind("no"))]
    servers = await serve(*speakers)
    with pytest.raises(kind):
        await admit(target(*servers))
    assert sum(speaker.calls for speaker in speakers) == 1


async def test_a_service_missing_further_on_is_the_one_that_is_named(serve: Serve) -> None:
    (server,) = await serve(Speaker(MissingServiceAtCapacity.of("stt", retry_after=7.0)))
    with pytest.raises(MissingServiceAtCapacity) as caught:
        await admit(server.address)
    assert (caught.value.service, caught.value.retry_after) == ("stt", 7.0)


async def test_a_stream_that_ends_before_it_is_admitted_counts_as_a_failure(serve: Serve) -> None:
    speakers = [Speaker(), Speaker()]
    servers = await serve(*speakers)
    async with Replicas("tts", target(*servers)) as replicas:
        with pytest.raises(MissingServiceTimeout):
            async with admitted(replicas, method, Request()):
                pass
    assert [speaker.calls for speaker in speakers] == [1, 1]


async def test_a_search_that_is_cancelled_leaves_no_call_behind(serve: Serve) -> None:
    speaker = Speaker()
    speaker.admits.clear()
    (server,) = await serve(speaker)
    search = asyncio.create_task(admit(server.address))
    await speaker.called.wait()
    search.cancel()
    with pytest.raises(asyncio.CancelledError):
        await search
    async with asyncio.timeout(5):
        await speaker.left.wait()


async def test_a_search_cancelled_at_any_moment_leaves_no_call_behind(serve: Serve) -> None:
    speaker = Speaker()
    (server,) = await serve(speaker)
    async with Replicas("tts", server.address) as replicas:

        async def hold() -> None:
            async with admitted(replicas, method, CONFIG):
                await asyncio.Event().wait()

        for moment in range(200):
            search = asyncio.create_task(hold())
            for _ in range(moment % 40):
                await asyncio.sleep(0)
            search.cancel()
            with pytest.raises(asyncio.CancelledError):
                await search
        async with asyncio.timeout(5):
            while speaker.live:
                speaker.left.clear()
                await speaker.left.wait()


class CountingHealth(health_pb2_grpc.HealthServicer):
    """Answers as it is told, and counts."""

    def __init__(self, status: int) -> None:
        self.status = status
        self.checks = 0

    async def Check(self, _request: Any, _context: Any) -> health_pb2.HealthCheckResponse:  # noqa: N802 - gRPC's name
        self.checks += 1
        return health_pb2.HealthCheckResponse(status=self.status)


async def test_the_healthy_are_tried_first(serve: Serve) -> None:
    ill = [Speaker(), Speaker()]
    servers = await serve(*ill, Speaker())
    for server in servers[:2]:
        await server.health.set("", serving=False)
    for _ in range(5):
        assert await admit(target(*servers)) == servers[2].address
    assert sum(speaker.calls for speaker in ill) == 0


async def test_when_none_is_healthy_they_are_tried_all_the_same(serve: Serve) -> None:
    servers = await serve(Speaker(), Speaker())
    for server in servers:
        await server.health.set("", serving=False)
    assert await admit(target(*servers)) in {server.address for server in servers}


async def test_calls_are_spread_over_the_replicas(serve: Serve) -> None:
    servers = await serve(Speaker(), Speaker(), Speaker())
    chosen: Counter[str] = Counter()
    async with Replicas("tts", target(*servers)) as replicas:
        for _ in range(60):
            async with admitted(replicas, method, CONFIG) as stream:
                chosen[stream.replica] += 1
    assert len(chosen) == 3
    assert min(chosen.values()) >= 5


async def listening(*servicers: CountingHealth) -> tuple[list[grpc.aio.Server], str]:
    servers = [grpc.aio.server() for _ in servicers]
    ports = []
    for server, servicer in zip(servers, servicers, strict=True):
        health_pb2_grpc.add_HealthServicer_to_server(servicer, server)
        ports.append(server.add_insecure_port("127.0.0.1:0"))
        await server.start()
    return servers, ",".join(f"127.0.0.1:{port}" for port in ports)


async def test_health_is_asked_once_in_a_while_and_never_of_a_single_replica() -> None:
    alone = CountingHealth(health_pb2.HealthCheckResponse.SERVING)
    two = [CountingHealth(health_pb2.HealthCheckResponse.SERVING) for _ in range(2)]
    servers, where = await listening(alone, *two)
    first, _, rest = where.partition(",")
    async with Replicas("tts", first) as single, Replicas("tts", rest) as several:
        for _ in range(10):
            assert len(await single.candidates()) == 1
            assert len(await several.candidates()) == 2
    for server in servers:
        await server.stop(None)
    assert (alone.checks, two[0].checks, two[1].checks) == (0, 1, 1)


async def test_a_name_stands_for_its_addresses(serve: Serve) -> None:
    (server,) = await serve(Speaker())
    assert await admit(f"dns:///localhost:{server.port}") == f"127.0.0.1:{server.port}"


async def test_a_name_nobody_knows_is_a_missing_service() -> None:
    with pytest.raises(MissingServiceTimeout):
        await admit("nowhere.invalid:50052")


async def test_a_name_service_that_is_down_does_not_take_the_replicas_with_it(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    async def hang(*_: Any, **__: Any) -> None:
        await asyncio.Event().wait()

    (server,) = await serve(Speaker())
    monkeypatch.setattr(replicas_module, "RESOLVED_FOR_S", 0.0)
    monkeypatch.setattr(replicas_module, "RESOLVE_LIMIT_S", 0.05)
    async with Replicas("tts", f"localhost:{server.port}") as replicas:
        async with admitted(replicas, method, CONFIG):
            pass
        monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", hang)
        async with admitted(replicas, method, CONFIG) as stream:
            assert stream.replica == server.address


async def test_a_replica_that_restarts_is_found_again_at_once(serve: Serve) -> None:
    (server,) = await serve(Speaker())
    async with Replicas("tts", server.address) as replicas:
        async with admitted(replicas, method, CONFIG):
            await server.__aexit__(None, None, None)
        with pytest.raises(MissingServiceTimeout):
            async with admitted(replicas, method, CONFIG):
                pass
        async with Speaker().served(server.port):
            began = time.monotonic()
            async with asyncio.timeout(5):
                while True:
                    with contextlib.suppress(MissingServiceTimeout):
                        async with admitted(replicas, method, CONFIG):
                            break
            assert time.monotonic() - began < 1.5


async def test_all_streams_to_a_replica_share_its_channel(serve: Serve) -> None:
    (server,) = await serve(Speaker())
    async with Replicas("tts", server.address) as replicas:
        (first,) = await replicas.candidates()
        async with admitted(replicas, method, CONFIG), admitted(replicas, method, CONFIG):
            (again,) = await replicas.candidates()
            assert again.channel is first.channel
            assert again.streams == 2
        assert again.streams == 0


async def test_a_replica_that_is_gone_from_the_list_is_forgotten_once_it_has_no_stream(
    serve: Serve, monkeypatch: pytest.MonkeyPatch
) -> None:
    servers = await serve(Speaker(), Speaker())
    monkeypatch.setattr(replicas_module, "FORGOTTEN_AFTER_S", 0.0)
    async with Replicas("tts", servers[0].address) as replicas:
        async with admitted(replicas, method, CONFIG):
            (old,) = await replicas.candidates()
            replicas._addresses = [servers[1].address]
            (new,) = await replicas.candidates()
            assert new is not old
            assert old.channel.get_state() is grpc.ChannelConnectivity.READY
        await replicas.candidates()
        assert old.channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN


def health_check(channel: grpc.aio.Channel) -> Any:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    return stub.Check


async def test_a_unary_call_is_asked_of_the_first_that_answers(serve: Serve) -> None:
    (server,) = await serve(Speaker())
    with nobody() as dead:
        async with Replicas("tts", f"{dead},{server.address}") as replicas:
            answer = await ask(replicas, health_check, health_pb2.HealthCheckRequest())
    assert answer.status == health_pb2.HealthCheckResponse.SERVING


async def test_a_unary_call_fails_as_a_stream_does(serve: Serve) -> None:
    (server,) = await serve(Speaker())
    with nobody() as dead:
        async with Replicas("tts", dead) as replicas:
            with pytest.raises(MissingServiceTimeout):
                await ask(replicas, health_check, health_pb2.HealthCheckRequest())
    async with Replicas("tts", server.address) as replicas:
        with pytest.raises(Exception, match="NOT_FOUND"):
            await ask(replicas, health_check, health_pb2.HealthCheckRequest(service="nothing"))


async def test_a_service_serves_what_any_of_its_replicas_serves(serve: Serve) -> None:
    servers = await serve(Speaker(), Speaker())
    await servers[0].health.set("llm", serving=False)
    with nobody() as dead:
        async with Replicas("tts", f"{target(*servers)},{dead}") as replicas:
            assert await any_serving(replicas)
            assert not await any_serving(replicas, "llm")
            await servers[1].health.set("llm", serving=True)
            assert await any_serving(replicas, "llm")


async def test_a_service_that_is_not_there_serves_nothing() -> None:
    with nobody() as dead:
        async with Replicas("tts", dead) as replicas:
            assert not await any_serving(replicas)
    async with Replicas("tts", "nowhere.invalid:50052") as replicas:
        assert not await any_serving(replicas)
