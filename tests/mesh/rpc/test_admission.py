import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mesh.discovery.search import Replicas, admitted
from mesh.errors import Idle, InternalError, MeshError, UpstreamDown
from mesh.rpc import admission as admission_module
from mesh.rpc.admission import Admission, half_close
from tests.mesh.discovery.replica import CONFIG, FINISH, Response, Speaker, method, text


@asynccontextmanager
async def admission(speaker: Speaker) -> AsyncIterator[Admission[Any, Response]]:
    async with (
        speaker.served() as server,
        Replicas("tts", server.address) as replicas,
        admitted(replicas, method, CONFIG) as stream,
    ):
        yield stream


async def test_started_comes_first_and_the_rest_is_iterated() -> None:
    async with admission(Speaker()) as stream:
        assert stream.started.HasField("started")
        await stream.send(text("hello"))
        await stream.send(FINISH)
        events = [response.WhichOneof("event") async for response in stream]
    assert events == ["word", "finished"]


async def test_several_tasks_may_send_at_once() -> None:
    async with admission(Speaker()) as stream:
        words = {f"word{number}" for number in range(50)}
        async with asyncio.TaskGroup() as tasks:
            for word in words:
                tasks.create_task(stream.send(text(word)))
        await stream.send(FINISH)
        heard = {response.word.text async for response in stream if response.HasField("word")}
    assert heard == words


async def test_closing_the_requests_ends_the_stream() -> None:
    async with admission(Speaker()) as stream:
        await half_close(stream._call)
        assert [response async for response in stream] == []


@pytest.mark.parametrize(("failure", "kind"), [(Idle("silent for 30 s"), Idle), (RuntimeError("a bug"), InternalError)])
async def test_an_error_in_mid_stream_is_a_mesh_error(failure: Exception, kind: type[MeshError]) -> None:
    async with admission(Speaker(failure=failure)) as stream:
        await stream.send(text("fail"))
        with pytest.raises(kind):
            await anext(aiter(stream))


async def test_sending_into_a_stream_that_failed_tells_how_it_failed() -> None:
    async with admission(Speaker(failure=Idle("silent for 30 s"))) as stream:
        await stream.send(text("fail"))
        with pytest.raises(Idle):
            async for _ in stream:
                pass
        with pytest.raises(Idle, match="silent for 30 s"):
            await stream.send(text("more"))


async def test_sending_into_a_stream_that_is_over_is_an_error() -> None:
    async with admission(Speaker()) as stream:
        await stream.send(FINISH)
        async for _ in stream:
            pass
        with pytest.raises(UpstreamDown, match="has ended"):
            await stream.send(text("more"))


async def test_a_lost_server_is_upstream_down() -> None:
    async with (
        Speaker().served() as server,
        Replicas("tts", server.address) as replicas,
        admitted(replicas, method, CONFIG) as stream,
    ):
        await server.__aexit__(None, None, None)
        with pytest.raises(UpstreamDown):
            await anext(aiter(stream))


async def test_leaving_frees_the_slot() -> None:
    speaker = Speaker()
    async with speaker.served() as server, Replicas("tts", server.address) as replicas:
        async with admitted(replicas, method, CONFIG) as stream:
            await stream.send(text("hello"))
        async with asyncio.timeout(5):
            await speaker.left.wait()
    assert speaker.live == 0


async def test_a_reader_that_is_cancelled_ends_the_call() -> None:
    speaker = Speaker()
    async with admission(speaker) as stream:
        reader = asyncio.ensure_future(anext(aiter(stream)))
        await asyncio.sleep(0)
        reader.cancel()
        async with asyncio.timeout(5):
            await speaker.left.wait()
        with pytest.raises(asyncio.CancelledError):
            await reader


async def test_a_call_ended_by_another_task_does_not_look_like_a_cancellation() -> None:
    async with admission(Speaker()) as stream:
        reader = asyncio.ensure_future(anext(aiter(stream)))
        await asyncio.sleep(0)
        stream.cancel()
        with pytest.raises(UpstreamDown, match="on this side"):
            await reader
        with pytest.raises(UpstreamDown, match="on this side"):
            await stream.send(text("more"))


async def test_a_peer_that_reads_nothing_is_lost_after_a_while(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(admission_module, "SEND_LIMIT_S", 0.2)
    speaker = Speaker(deaf=True)
    async with admission(speaker) as stream:
        with pytest.raises(UpstreamDown, match=r"read nothing for 0\.2 s"):
            await flood(stream)
        async with asyncio.timeout(5):
            await speaker.left.wait()


async def flood(stream: Admission[Any, Response]) -> None:
    for _ in range(1_000):
        await stream.send(text("x" * 100_000))
