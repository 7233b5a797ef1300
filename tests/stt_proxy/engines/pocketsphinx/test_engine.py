"""The engine with its worker processes."""

import asyncio
import os
import signal
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from mesh.audio import FRAME_BYTES, FRAME_S
from mesh.errors import AtCapacity, InvalidRequest, UpstreamDown
from mesh.tasks import beside
from stt_proxy.engine import Event, Flushed, Pause, Recognizer
from stt_proxy.engines.pocketsphinx import engine as engine_module
from stt_proxy.engines.pocketsphinx import process
from stt_proxy.engines.pocketsphinx.engine import PocketSphinxEngine, pocketsphinx_engine
from tests.speech import say, share_of_words
from tests.stt_proxy.hearing import Heard, frames, microphone, silence

LIMIT_S = 60.0
TEXT = "There is nothing better than a cup of tea after work."


@pytest.fixture(autouse=True)
async def in_time() -> AsyncIterator[None]:
    async with asyncio.timeout(LIMIT_S):
        yield


def recording() -> bytes:
    return microphone(silence(1), say(TEXT), silence(1))


async def heard(recognizer: Recognizer, pcm: bytes) -> Heard:
    """All that is heard in a recording, which is sent as fast as it is taken."""

    async def speak() -> None:
        for frame in frames(pcm):
            await recognizer.send(frame)
        await recognizer.finish()

    async with beside(speak()):
        return Heard([event async for event in recognizer])


def workers() -> list[int]:
    """The worker processes this process has."""
    children = Path(f"/proc/self/task/{os.getpid()}/children").read_text().split()
    return [int(pid) for pid in children if b"pocketsphinx.worker" in Path(f"/proc/{pid}/cmdline").read_bytes()]


async def until_it_works(engine: PocketSphinxEngine) -> None:
    while True:
        try:
            async with engine.open("") as recognizer:
                await recognizer.flush(0)
                await until_lost(recognizer, or_event=Flushed(0))
                return
        except UpstreamDown:
            await asyncio.sleep(0.05)


async def until_lost(recognizer: Recognizer, *, or_event: Event | None = None) -> None:
    async for event in recognizer:
        if event == or_event:
            return


async def test_a_stream_is_recognised_and_its_worker_serves_the_next() -> None:
    async with pocketsphinx_engine(1) as engine:
        for _ in range(2):
            async with engine.open("en-GB") as recognizer:
                events = await heard(recognizer, recording())
                assert recognizer.backlog_s < FRAME_S
            assert share_of_words(TEXT, events.text) >= 0.5, events.text
            assert len(events.pauses) == len(recording()) // FRAME_BYTES
        assert len(workers()) == 1
    assert workers() == []


async def test_capacity_is_exact_and_a_refusal_quick() -> None:
    async with pocketsphinx_engine(2) as engine, AsyncExitStack() as streams:
        assert engine.capacity == 2
        for _ in range(2):
            await streams.enter_async_context(engine.open(""))
        started = time.perf_counter()
        with pytest.raises(AtCapacity) as refusal:
            async with engine.open(""):
                pass
        assert time.perf_counter() - started < 0.05
        assert refusal.value.retry_after
        await streams.aclose()
        async with engine.open(""), engine.open(""):
            pass


async def test_other_languages_are_refused() -> None:
    async with pocketsphinx_engine(1) as engine:
        with pytest.raises(InvalidRequest) as refusal:
            async with engine.open("fr"):
                pass
        assert refusal.value.field == "config.language"
        async with engine.open("en"):
            pass


async def test_flushes_overlap_and_are_answered_in_order() -> None:
    async with pocketsphinx_engine(1) as engine, engine.open("") as recognizer:
        pcm = recording()
        half = len(pcm) // FRAME_BYTES // 2 * FRAME_BYTES

        async def speak() -> None:
            await recognizer.send(pcm[:half])
            await recognizer.flush(7)
            await recognizer.flush(5)
            await recognizer.send(pcm[half:])
            await recognizer.flush(-1)
            await recognizer.finish()

        async with beside(speak()):
            events = [event async for event in recognizer]
    marks = [event for event in events if isinstance(event, Flushed | Pause)]
    at = [index for index, event in enumerate(marks) if isinstance(event, Flushed)]
    assert [event.flush_id for event in marks if isinstance(event, Flushed)] == [7, 5, -1]
    assert at == [half // FRAME_BYTES, half // FRAME_BYTES + 1, len(pcm) // FRAME_BYTES + 2]
    assert events[-1] == Flushed(-1)


async def test_the_sender_waits_for_a_worker_that_is_behind() -> None:
    async with pocketsphinx_engine(1) as engine, engine.open("") as recognizer:
        sending = asyncio.ensure_future(recognizer.send(microphone(silence(30))))
        async for event in recognizer:
            assert recognizer.backlog_s <= 5 + 2 * FRAME_S
            if isinstance(event, Pause) and event.heard_s > 29.9:
                break
        await sending


async def test_a_stream_that_was_given_up_does_not_delay_the_next() -> None:
    async with pocketsphinx_engine(1) as engine:
        async with engine.open("") as abandoned:
            await abandoned.send(microphone(*[say(TEXT)] * 2)[: 60 * FRAME_BYTES])
        async with engine.open("") as recognizer:
            await recognizer.send(microphone(silence(0.08)))
            started = time.perf_counter()
            assert await anext(aiter(recognizer)) == Pause(1.0, FRAME_S)
            assert time.perf_counter() - started < 1.0


async def test_a_worker_that_dies_takes_its_stream_with_it_and_is_replaced() -> None:
    async with pocketsphinx_engine(1) as engine:
        async with engine.open("") as recognizer:
            await recognizer.send(microphone(silence(0.08)))
            (pid,) = workers()
            os.kill(pid, signal.SIGKILL)
            with pytest.raises(UpstreamDown):
                await until_lost(recognizer)
            with pytest.raises(UpstreamDown):
                await recognizer.send(microphone(silence(0.08)))
        with pytest.raises(UpstreamDown):
            async with engine.open(""):
                pass
        await until_it_works(engine)
        assert pid not in workers()
        async with engine.open("") as recognizer:
            assert share_of_words(TEXT, (await heard(recognizer, recording())).text) >= 0.5


async def test_a_worker_that_dies_idle_is_replaced() -> None:
    async with pocketsphinx_engine(1) as engine:
        (pid,) = workers()
        os.kill(pid, signal.SIGKILL)
        await until_it_works(engine)
        assert len(workers()) == 1
        assert pid not in workers()


async def test_a_worker_that_stalls_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_STALL_LIMIT_S", 0.3)
    async with pocketsphinx_engine(1) as engine:
        async with engine.open("") as recognizer:
            (pid,) = workers()
            os.kill(pid, signal.SIGSTOP)
            await recognizer.send(microphone(silence(0.08)))
            with pytest.raises(UpstreamDown, match="stalled"):
                await anext(aiter(recognizer))
        await until_it_works(engine)


async def test_silence_from_the_caller_is_no_stall(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "_STALL_LIMIT_S", 0.05)
    async with pocketsphinx_engine(1) as engine, engine.open("") as recognizer:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.3):
                await anext(aiter(recognizer))
        await recognizer.flush(1)
        assert await anext(aiter(recognizer)) == Flushed(1)


async def test_signals_are_for_the_parent() -> None:
    async with pocketsphinx_engine(1) as engine, engine.open("") as recognizer:
        (pid,) = workers()
        os.kill(pid, signal.SIGINT)
        os.kill(pid, signal.SIGTERM)
        await recognizer.flush(1)
        assert await anext(aiter(recognizer)) == Flushed(1)


async def test_a_storm_of_streams_leaves_every_slot_free_and_no_process() -> None:
    async with pocketsphinx_engine(2) as engine:
        before = set(workers())
        pcm = recording()
        admitted = 0

        async def passer_by(number: int) -> None:
            nonlocal admitted
            try:
                async with asyncio.timeout(0.01 * (number % 7)), engine.open("") as recognizer:
                    admitted += 1
                    await heard(recognizer, pcm)
            except (TimeoutError, AtCapacity):
                pass

        for number in range(50):
            await asyncio.gather(*(passer_by(number + each) for each in range(3)))
        assert admitted >= 50
        assert set(workers()) == before
        async with engine.open("") as one, engine.open("") as other:
            texts = [each.text for each in await asyncio.gather(heard(one, pcm), heard(other, pcm))]
        assert min(share_of_words(TEXT, text) for text in texts) >= 0.5, texts
    assert workers() == []


async def test_an_engine_that_cannot_start_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_WARM_UP_LIMIT_S", 0.01)
    with pytest.raises(UpstreamDown):
        async with pocketsphinx_engine(1):
            pass
    assert workers() == []
