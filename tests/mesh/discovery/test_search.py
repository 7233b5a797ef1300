import asyncio
import time
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mesh.discovery.search import Limits, Replicas, admitted, any_serving, ask, known_down
from mesh.errors import (
    AtCapacity,
    BadAudioFormat,
    ConfigRequired,
    Draining,
    InternalError,
    MeshError,
    MissingServiceAtCapacity,
    MissingServiceTimeout,
    UpstreamDown,
    VoiceNotFound,
)
from tests.mesh.discovery.cluster import Counts
from tests.mesh.discovery.replica import CONFIG, Request, Serve, Speaker, admit, method, nobody, target

PATIENT = Limits(one_try=5.0, search=10.0)
"""So that a busy machine is not taken for a dead replica."""


async def test_the_one_replica_admits(serve: Serve) -> None:
    (server,) = await serve(Speaker())
    assert await admit(server.address) == server.address


async def test_the_last_replica_has_all_the_time_that_is_left(serve: Serve) -> None:
    slow = Speaker()
    slow.admits.clear()
    (server,) = await serve(slow)
    asyncio.get_running_loop().call_later(0.3, slow.admits.set)
    assert await admit(server.address, Limits(one_try=0.05, search=10.0)) == server.address
    assert slow.calls == 1


async def test_a_replica_that_hangs_leads_on_to_the_next_after_one_try(serve: Serve) -> None:
    hung = Speaker()
    hung.admits.clear()
    servers = await serve(hung, Speaker())
    assert await admit(target(*servers), Limits(one_try=0.05, search=10.0)) == servers[-1].address


async def test_a_full_replica_leads_on_to_the_next(serve: Serve) -> None:
    servers = await serve(*[Speaker(AtCapacity("full")) for _ in range(5)], Speaker())
    assert await admit(target(*servers)) == servers[-1].address


@pytest.mark.unmute("S11")
async def test_when_all_are_full_the_shortest_retry_is_told(serve: Serve) -> None:
    servers = await serve(Speaker(AtCapacity("full", retry_after=4.0)), Speaker(AtCapacity("full", retry_after=2.0)))
    with pytest.raises(MissingServiceAtCapacity) as caught:
        await admit(target(*servers))
    assert (caught.value.service, caught.value.retry_after) == ("tts", 2.0)


async def test_one_full_and_the_others_dead_is_at_capacity_at_once(serve: Serve) -> None:
    servers = await serve(Speaker(AtCapacity("full")))
    with nobody() as dead:
        began = time.monotonic()
        with pytest.raises(MissingServiceAtCapacity):
            await admit(f"{target(*servers)},{dead}", PATIENT)
    assert time.monotonic() - began < 3.0


async def test_a_dead_replica_costs_no_try(serve: Serve) -> None:
    (server,) = await serve(Speaker())
    counts = Counts()
    with nobody() as dead:
        async with Replicas("tts", f"{dead},{server.address}", meter=counts) as replicas:
            for _ in range(10):
                async with admitted(replicas, method, CONFIG) as stream:
                    assert stream.replica == server.address
    assert counts.failures == 0


async def test_nobody_there_is_missing_within_half_a_second() -> None:
    began = time.monotonic()
    with nobody() as dead, pytest.raises(MissingServiceTimeout) as caught:
        await admit(dead)
    assert caught.value.service == "tts"
    assert time.monotonic() - began < 1.4


@pytest.mark.unmute("S11")
async def test_replicas_that_do_not_answer_end_the_search_in_time(serve: Serve) -> None:
    speakers = [Speaker() for _ in range(4)]
    for speaker in speakers:
        speaker.admits.clear()
    servers = await serve(*speakers)
    began = time.monotonic()
    with pytest.raises(MissingServiceTimeout):
        await admit(target(*servers))
    assert 1.4 < time.monotonic() - began < 3.0
    async with asyncio.timeout(5):
        for speaker in speakers:
            await speaker.idle()
    assert sum(speaker.calls for speaker in speakers) == 3


@pytest.mark.unmute("S11")
async def test_three_failures_end_the_search(serve: Serve) -> None:
    down = [Speaker(UpstreamDown("no engine")) for _ in range(5)]
    servers = await serve(*down)
    with pytest.raises(MissingServiceTimeout):
        await admit(target(*servers))
    assert sum(speaker.calls for speaker in down) == 3


async def test_refusals_are_not_among_the_tries(serve: Serve) -> None:
    down = [Speaker(UpstreamDown("no engine")) for _ in range(2)]
    full = [Speaker(AtCapacity("full")) for _ in range(7)]
    servers = await serve(*down, *full)
    with pytest.raises(MissingServiceAtCapacity):
        await admit(target(*servers))
    assert [speaker.calls for speaker in (*down, *full)] == [1] * 9


async def test_a_draining_replica_is_passed_over(serve: Serve) -> None:
    servers = await serve(Speaker(Draining("about to stop")), Speaker())
    assert await admit(target(*servers)) == servers[1].address


@pytest.mark.unmute("B7")
@pytest.mark.parametrize("error", [VoiceNotFound("no"), BadAudioFormat("no"), ConfigRequired("no")], ids=type)
async def test_an_error_of_the_requests_own_is_raised_at_once(serve: Serve, error: MeshError) -> None:
    speakers = [Speaker(error), Speaker(error)]
    servers = await serve(*speakers)
    with pytest.raises(type(error)):
        await admit(target(*servers))
    assert sum(speaker.calls for speaker in speakers) == 1


async def test_a_bug_in_one_replica_leads_on_to_the_next(serve: Serve) -> None:
    servers = await serve(Speaker(InternalError()), Speaker())
    for _ in range(5):
        assert await admit(target(*servers)) == servers[1].address


async def test_a_bug_everywhere_is_called_a_bug(serve: Serve) -> None:
    speakers = [Speaker(InternalError()) for _ in range(4)]
    servers = await serve(*speakers)
    with pytest.raises(InternalError):
        await admit(target(*servers))
    assert sum(speaker.calls for speaker in speakers) == 3


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


@pytest.mark.unmute("B6")
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
            await speaker.idle()


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
        with pytest.raises(MeshError) as caught:
            await ask(replicas, health_check, health_pb2.HealthCheckRequest(service="nothing"))
    assert caught.value.code is grpc.StatusCode.NOT_FOUND


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


async def test_a_name_is_known_to_be_down_when_some_say_so_and_none_denies_it(serve: Serve) -> None:
    servers = await serve(Speaker(), Speaker())
    async with Replicas("tts", target(*servers)) as replicas:
        await replicas.first(1.0)
        assert not await known_down(replicas, "llm")  # neither knows the name
        await servers[0].health.set("llm", serving=False)
        assert await known_down(replicas, "llm")
        await servers[1].health.set("llm", serving=True)
        assert not await known_down(replicas, "llm")


async def test_nothing_is_known_of_a_service_that_is_not_there() -> None:
    with nobody() as dead:
        async with Replicas("tts", dead) as replicas:
            assert not await known_down(replicas, "llm")
