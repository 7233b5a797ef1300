import asyncio
import os
import signal
import socket
import sys
import urllib.request
from collections.abc import AsyncIterator, Callable
from typing import Any

import grpc
import pytest
from google.protobuf.descriptor_pb2 import FileDescriptorProto
from grpc_health.v1 import health_pb2, health_pb2_grpc
from grpc_reflection.v1alpha import reflection_pb2
from structlog.testing import capture_logs

from mesh.discovery.addresses import parse_target
from mesh.errors import Draining, from_rpc_error
from mesh.process.ports import PortTaken
from mesh.process.run import run
from mesh.rpc.channels import open_channel
from mesh.rpc.server import GrpcServer, serve
from mesh.settings import ServiceSettings
from mesh.tasks import beside
from tests.mesh.discovery.replica import CONFIG, FINISH, SERVICE, Speaker, method
from tests.ports import free_port

SERVING, NOT_SERVING = health_pb2.HealthCheckResponse.SERVING, health_pb2.HealthCheckResponse.NOT_SERVING


async def health(channel: grpc.aio.Channel, name: str = "") -> int:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    answer: health_pb2.HealthCheckResponse = await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=5)
    return answer.status


async def opened(channel: grpc.aio.Channel) -> grpc.aio.StreamStreamCall[Any, Any]:
    """A stream that has been admitted."""
    call: grpc.aio.StreamStreamCall[Any, Any] = method(channel)()
    await call.write(CONFIG)
    response: Any = await call.read()
    assert response.HasField("started")
    return call


async def test_health_serves_the_server_and_every_service() -> None:
    async with Speaker().served() as server, grpc.aio.insecure_channel(server.address) as channel:
        assert await health(channel) == SERVING
        assert await health(channel, "parley.tts.v1.TextToSpeechService") == SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await health(channel, "llm")
        assert caught.value.code() is grpc.StatusCode.NOT_FOUND


async def test_health_follows_what_the_server_stands_on() -> None:
    up = True
    async with (
        Speaker().served() as server,
        grpc.aio.insecure_channel(server.address) as channel,
        beside(server.health.follow(lambda: up)),
    ):
        name = "parley.tts.v1.TextToSpeechService"
        for up in (False, True, False):
            async with asyncio.timeout(5):
                while (await health(channel) == SERVING) is not up:  # noqa: ASYNC110 - to be asked for
                    await asyncio.sleep(0.02)
            assert (await health(channel, name) == SERVING) is up


async def test_health_serves_further_names_and_tells_watchers() -> None:
    async with Speaker().served() as server, grpc.aio.insecure_channel(server.address) as channel:
        await server.health.set("llm", serving=False)
        assert await health(channel, "llm") == NOT_SERVING
        assert await health(channel) == SERVING
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(service="llm"), timeout=5)
        assert (await watch.read()).status == NOT_SERVING
        await server.health.set("llm", serving=True)
        assert (await watch.read()).status == SERVING


async def test_health_lists_every_name() -> None:
    async with Speaker().served() as server, grpc.aio.insecure_channel(server.address) as channel:
        await server.health.set("llm", serving=False)
        stub: Any = health_pb2_grpc.HealthStub(channel)
        messages: Any = health_pb2
        listed = await stub.List(messages.HealthListRequest(), timeout=5)
    statuses = {name: answer.status for name, answer in listed.statuses.items()}
    assert statuses == {"": SERVING, SERVICE.full_name: SERVING, "llm": NOT_SERVING}


REFLECTIONS = ("grpc.reflection.v1.ServerReflection", "grpc.reflection.v1alpha.ServerReflection")
METHOD = f"{SERVICE.full_name}.Synthesize"


async def reflected(service: str, *asked: reflection_pb2.ServerReflectionRequest) -> list[Any]:
    """What a real server answers; the messages of both versions are the same on the wire."""

    async def requests() -> AsyncIterator[reflection_pb2.ServerReflectionRequest]:
        for each in asked:
            yield each

    async with Speaker().served() as server, grpc.aio.insecure_channel(server.address) as channel:
        untyped: Any = channel
        ask = untyped.stream_stream(
            f"/{service}/ServerReflectionInfo",
            request_serializer=reflection_pb2.ServerReflectionRequest.SerializeToString,
            response_deserializer=reflection_pb2.ServerReflectionResponse.FromString,
        )
        return [answer async for answer in ask(requests(), timeout=5)]


def files(answer: Any) -> list[FileDescriptorProto]:
    """The files that an answer describes, the one asked for first."""
    return [FileDescriptorProto.FromString(each) for each in answer.file_descriptor_response.file_descriptor_proto]


@pytest.mark.parametrize("service", REFLECTIONS)
async def test_reflection_lists_the_services_and_describes_them(service: str) -> None:
    listed, *described = await reflected(
        service,
        reflection_pb2.ServerReflectionRequest(list_services=""),
        *(
            reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol)
            for symbol in (SERVICE.full_name, METHOD, "parley.tts.v1.SynthesizeRequest.config", *REFLECTIONS)
        ),
    )
    names = [each.name for each in listed.list_services_response.service]
    assert names == ["grpc.health.v1.Health", *REFLECTIONS, SERVICE.full_name]
    found = [files(answer)[0] for answer in described]
    assert [each.name for each in found[:3]] == ["parley/tts/v1/tts.proto"] * 3
    assert [f"{each.package}.{each.service[0].name}" for each in found[3:]] == [*REFLECTIONS]
    assert found[3].service[0].method[0].input_type == ".grpc.reflection.v1.ServerReflectionRequest"


@pytest.mark.parametrize("symbol", [f"{SERVICE.full_name}.Nothing", "parley.Nothing.Synthesize", "Synthesize", ""])
async def test_what_is_not_there_is_not_found(symbol: str) -> None:
    asked = reflection_pb2.ServerReflectionRequest(file_containing_symbol=symbol)
    (answer,) = await reflected(REFLECTIONS[0], asked)
    assert answer.error_response.error_code == grpc.StatusCode.NOT_FOUND.value[0]


async def test_a_taken_port_is_a_clear_error() -> None:
    async with Speaker().served() as server:
        with pytest.raises(PortTaken, match=f"port {server.port} on 127.0.0.1 is taken by another process"):
            async with Speaker().served(port=server.port):
                pass


async def test_a_taken_metrics_port_is_a_clear_error() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(PortTaken, match=f"port {port} "):
            async with Speaker().served(metrics_port=port):
                pass


async def test_a_host_that_is_not_this_machine_is_the_system_s_error() -> None:
    with pytest.raises(OSError, match="Cannot assign requested address"):
        async with Speaker().served(host="192.0.2.1"):
            pass


async def test_it_listens_on_ipv6_too() -> None:
    async with Speaker().served(host="::1") as server, grpc.aio.insecure_channel(server.address) as channel:
        assert server.address == f"[::1]:{server.port}"
        assert await health(channel) == SERVING


def fetched(url: str) -> bytes:
    with urllib.request.urlopen(url, timeout=5) as answer:  # noqa: S310 - our own server
        content: bytes = answer.read()
        return content


async def test_metrics_are_served_while_it_runs() -> None:
    port = free_port()
    async with Speaker().served(metrics_port=port):
        assert b"process_cpu_seconds_total" in await asyncio.to_thread(fetched, f"http://127.0.0.1:{port}/metrics")
    with socket.create_server(("127.0.0.1", port)):
        pass


async def test_leaving_cuts_off_what_runs_and_lets_it_clean_up() -> None:
    speaker = Speaker()
    server = speaker.served()
    async with server, grpc.aio.insecure_channel(server.address) as channel:
        call = await opened(channel)
        await server.__aexit__(None, None, None)
        assert speaker.left.is_set()
        assert server.draining.is_set()
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await call.read()
        assert caught.value.code() is grpc.StatusCode.UNAVAILABLE


@pytest.fixture
async def signalled() -> AsyncIterator[Callable[..., asyncio.Task[None]]]:
    """Lets a server run until signals come, and looks that they do not reach the test run itself."""
    tasks: list[asyncio.Task[None]] = []

    def start(server: GrpcServer) -> asyncio.Task[None]:
        tasks.append(asyncio.create_task(server.until_drained()))
        return tasks[-1]

    yield start
    async with asyncio.timeout(5):
        await asyncio.gather(*tasks)


def interrupt(number: signal.Signals = signal.SIGTERM) -> None:
    os.kill(os.getpid(), number)


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
async def test_a_signal_stops_an_idle_server_at_once(
    signalled: Callable[..., asyncio.Task[None]], number: signal.Signals
) -> None:
    async with Speaker().served() as server:
        stopped = signalled(server)
        await asyncio.sleep(0)
        interrupt(number)
        async with asyncio.timeout(1):
            await stopped


async def test_draining_refuses_the_new_and_lets_the_live_finish(
    signalled: Callable[..., asyncio.Task[None]],
) -> None:
    async with Speaker().served() as server, grpc.aio.insecure_channel(server.address) as channel:
        stopped = signalled(server)
        live = await opened(channel)
        interrupt()
        async with asyncio.timeout(5):
            await server.draining.wait()
        assert await health(channel) == NOT_SERVING
        assert await health(channel, SERVICE.full_name) == NOT_SERVING
        with pytest.raises(grpc.aio.AioRpcError) as caught:
            await opened(channel)
        assert type(from_rpc_error(caught.value)) is Draining
        assert not stopped.done()
        await live.write(FINISH)
        response: Any = await live.read()
        assert response.HasField("finished")
        async with asyncio.timeout(1):
            await stopped


async def test_watchers_hear_of_draining_and_do_not_hold_it_up(
    signalled: Callable[..., asyncio.Task[None]],
) -> None:
    async with Speaker().served() as server, grpc.aio.insecure_channel(server.address) as channel:
        stopped = signalled(server)
        stub: Any = health_pb2_grpc.HealthStub(channel)
        watch = stub.Watch(health_pb2.HealthCheckRequest(), timeout=5)
        assert (await watch.read()).status == SERVING
        interrupt()
        assert (await watch.read()).status == NOT_SERVING
        async with asyncio.timeout(1):
            await stopped


async def test_draining_ends_at_its_limit(signalled: Callable[..., asyncio.Task[None]]) -> None:
    async with Speaker().served(drain_limit_s=0.05) as server, grpc.aio.insecure_channel(server.address) as channel:
        stopped = signalled(server)
        await opened(channel)
        interrupt()
        async with asyncio.timeout(1):
            await stopped


async def test_a_second_signal_ends_draining(signalled: Callable[..., asyncio.Task[None]]) -> None:
    async with Speaker().served() as server, grpc.aio.insecure_channel(server.address) as channel:
        stopped = signalled(server)
        await opened(channel)
        interrupt()
        await server.draining.wait()
        assert not stopped.done()
        interrupt(signal.SIGINT)
        async with asyncio.timeout(1):
            await stopped


async def test_serve_is_a_whole_life() -> None:
    port = free_port()
    life = asyncio.create_task(serve(ServiceSettings(port=port), services=[SERVICE], add=Speaker().add))
    async with open_channel(f"127.0.0.1:{port}") as channel, asyncio.timeout(5):
        await channel.channel_ready()
        assert await health(channel) == SERVING
        interrupt()
        await life


PROGRAM = """
from mesh.process import logs
from mesh.process.run import run
from mesh.rpc.server import serve
from mesh.settings import ServiceSettings
from tests.mesh.discovery.replica import CONFIG, FINISH, SERVICE, Speaker, method
logs.configure("bakery")
run(serve(ServiceSettings(port={port}), services=[], add=lambda server: None))
"""


async def test_a_process_whose_port_is_taken_ends_with_one_line() -> None:
    async with Speaker().served() as server:
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-c", PROGRAM.format(port=server.port), stderr=asyncio.subprocess.PIPE
        )
        _, printed = await process.communicate()
    assert process.returncode == 1
    (line,) = printed.decode().splitlines()
    assert f"port {server.port} on 127.0.0.1 is taken by another process" in line


async def test_a_process_ends_well_on_sigterm() -> None:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", PROGRAM.format(port=0), stderr=asyncio.subprocess.PIPE
    )
    assert process.stderr is not None
    async with asyncio.timeout(20):
        assert b"serving" in await process.stderr.readline()
        process.terminate()
        printed = await process.stderr.read()
    assert await process.wait() == 0
    assert [line.split(b"]")[1].split()[0] for line in printed.splitlines()] == [b"draining", b"stopped"]


def test_a_bad_target_ends_a_process_with_one_line() -> None:
    async def main() -> None:
        parse_target("nowhere")

    with capture_logs() as logged, pytest.raises(SystemExit, match="1"):
        run(main())
    assert [each["event"] for each in logged] == ["'nowhere' is not host:port"]
