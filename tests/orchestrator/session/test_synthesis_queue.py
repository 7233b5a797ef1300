"""More callers than voices: each reply waits its turn, is told so once, and is spoken, or its end is told."""

import asyncio
from collections.abc import AsyncGenerator

from orchestrator.session.synthesis_queue import SynthesisQueue
from parley.conversation.v1 import conversation_pb2 as pb
from parley.tts.v1.tts_pb2 import SynthesizeResponse
from tests.fakes.tts import Speaking
from tests.orchestrator.caller import TYPED, Caller
from tests.orchestrator.harness import Harness, open_harness

CALLERS, VOICES, REPLIES = 12, 4, 3


async def taking_its_time(speaking: Speaking) -> AsyncGenerator[SynthesizeResponse, None]:
    """Speak for a quarter of a second, which is as long as the voice is taken."""
    async for word in speaking.words():
        yield speaking.frames(1)
        yield speaking.word(word, 1)
    await asyncio.sleep(0.25)
    yield speaking.finished()


async def converse(harness: Harness) -> Caller:
    async with harness.calling(TYPED) as caller:
        for number in range(REPLIES):
            await caller.say(f"Question {number}")
            await caller.until("reply_finished")
    return caller


async def test_twelve_callers_share_four_voices() -> None:
    async with open_harness() as harness:
        harness.tts.slots.capacity = VOICES
        harness.tts.script = taking_its_time
        callers = await asyncio.gather(*(converse(harness) for _ in range(CALLERS)))
        assert harness.tts.slots.refused, "nobody had to wait"
    for caller in callers:
        assert len(caller.received("reply_finished")) == REPLIES
        assert not caller.received("reply_cancelled")
        warnings = [each.reason for each in caller.received("warning")]
        assert set(warnings) <= {"TTS_NOT_FOUND"}
        assert len(warnings) <= REPLIES


async def test_who_waits_longest_is_next() -> None:
    async with open_harness() as harness:
        harness.tts.slots.capacity = 0
        async with harness.calling(TYPED) as first, harness.calling(TYPED) as second, harness.calling(TYPED) as third:
            for caller in (first, second, third):
                await caller.say("Hi!")
                await caller.until("warning")
            harness.tts.slots.capacity = 1
            harness.tts.script = taking_its_time
            order = [await harness.tts.speaking(number) for number in range(3)]
            for caller in (first, second, third):
                await caller.until("reply_finished")
        sessions = [caller.received("started")[0].session_id for caller in (first, second, third)]
    assert [speaking.config.session_id for speaking in order] == sessions


async def test_who_waits_for_too_long_is_told_and_the_others_go_on() -> None:
    async with open_harness(voice_wait_s=0.5) as harness:
        harness.tts.slots.capacity = 1
        held = asyncio.Event()

        async def holding(speaking: Speaking) -> AsyncGenerator[SynthesizeResponse, None]:
            yield speaking.frames(1)
            await held.wait()
            yield speaking.finished()

        harness.tts.script = holding
        async with harness.calling(TYPED) as speaking, harness.calling(TYPED) as waiting:
            await speaking.say("Hi!")
            await speaking.until("reply_audio")
            await waiting.say("Hi!")
            cancelled = await waiting.until("reply_cancelled")
            assert cancelled.cause == pb.CANCEL_CAUSE_FAILED
            assert [each.reason for each in waiting.received("warning")] == ["TTS_NOT_FOUND", "TTS_FAILED"]
            held.set()
            await speaking.until("reply_finished")
            await waiting.say("And now?")
            await waiting.until("reply_finished")


async def test_a_reply_that_is_cancelled_leaves_the_queue_at_once() -> None:
    queue, served = SynthesisQueue(10.0), []

    async def wait(number: int) -> None:
        async with queue.turn():
            served.append(number)
            await asyncio.sleep(0)

    async with queue.turn():
        waiting = [asyncio.ensure_future(wait(number)) for number in range(3)]
        await asyncio.sleep(0)
        waiting[0].cancel()
        await asyncio.sleep(0)
    await asyncio.gather(*waiting[1:])
    assert served == [1, 2]
    assert queue.is_empty
