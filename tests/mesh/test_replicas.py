import asyncio
import contextlib
import time
from collections import Counter
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mesh import replicas as replicas_module
from mesh.discovery import Replicas, admitted
from mesh.errors import (
    MissingServiceTimeout,
)
from tests.mesh.replica import CONFIG, Serve, Speaker, admit, method, target


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
        async with Speaker().served(port=server.port):
            began = time.monotonic()
            async with asyncio.timeout(5):
                while True:
                    with contextlib.suppress(MissingServiceTimeout):
                        async with admitted(replicas, method, CONFIG):
                            break
            assert time.monotonic() - began < 3.0


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
