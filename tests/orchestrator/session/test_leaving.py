"""However a conversation ends, nothing of it is left."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import suppress

import grpc
import pytest

from mesh.times import duration
from parley.audio.v1.audio_pb2 import AudioFormat
from parley.conversation.v1 import conversation_pb2 as pb
from tests.fakes.llm import FakeLlm, written
from tests.fakes.tts import spoken
from tests.orchestrator.caller import SILENCE, SPEECH, TYPED, Caller
from tests.orchestrator.harness import Harness, Tasks

AT_ONCE_S = 0.1

GREEDY = pb.ConverseConfig(
    output_format=AudioFormat(sample_rate_hertz=48_000), session=pb.SessionConfig(pacing_lead=duration(60))
)
"""Has 96 kB sent for each second of speech, as soon as it is made. gRPC takes 4 MB that nobody reads."""


def endless(llm: FakeLlm) -> None:
    """Let it write a word, and then think for ever."""

    async def script(_request: object) -> AsyncIterator[str | bytes]:
        yield "Well, "
        await asyncio.Event().wait()

    llm.script = script


async def _hang_up(caller: Caller) -> None:
    await caller.hang_up()


async def _cancel(caller: Caller) -> None:
    caller.call.cancel()


LEAVINGS: dict[str, Callable[[Caller], Awaitable[None]]] = {"hang-up": _hang_up, "cancellation": _cancel}
leavings = pytest.mark.parametrize("leave", LEAVINGS.values(), ids=LEAVINGS.keys())


@leavings
async def test_leaving_frees_everything_at_once(
    harness: Harness, tasks_before: Tasks, leave: Callable[[Caller], Awaitable[None]]
) -> None:
    endless(harness.llm)
    async with harness.calling() as caller:
        await caller.say("Hi!")
        await caller.until("reply_audio")
        assert (harness.stt.slots.open, harness.tts.slots.open, harness.llm.slots.open) == (1, 1, 1)
        await leave(caller)
        await harness.until_empty(within=AT_ONCE_S)
        await harness.no_task_left(tasks_before)
        assert harness.tts.speakings[-1].abandoned


@leavings
async def test_leaving_a_client_that_does_not_read_frees_everything_at_once(
    harness: Harness, tasks_before: Tasks, leave: Callable[[Caller], Awaitable[None]]
) -> None:
    harness.llm.script = written(*(f"word{number} " for number in range(50)))
    harness.tts.script = spoken(12)
    async with harness.calling(GREEDY) as caller:
        await caller.say("Hi!")
        await (await harness.tts.speaking(1)).until_over()
        assert harness.stt.slots.open == 1
        await leave(caller)
        await harness.until_empty(within=AT_ONCE_S)
        await harness.no_task_left(tasks_before)


@leavings
async def test_leaving_while_a_voice_is_looked_for(
    harness: Harness, tasks_before: Tasks, leave: Callable[[Caller], Awaitable[None]]
) -> None:
    harness.tts.slots.capacity = 0
    async with harness.calling() as caller:
        await caller.say("Hi!")
        await caller.until("warning")
        await leave(caller)
        await harness.until_empty(within=AT_ONCE_S)
        await harness.no_task_left(tasks_before)


@leavings
async def test_leaving_while_the_person_speaks(
    harness: Harness, tasks_before: Tasks, leave: Callable[[Caller], Awaitable[None]]
) -> None:
    async with harness.calling() as caller:
        await caller.play(SILENCE, SPEECH, SPEECH)
        await caller.until("user_speech_started")
        await leave(caller)
        await harness.until_empty(within=AT_ONCE_S)
        await harness.no_task_left(tasks_before)


async def test_finish_lets_the_reply_be_heard(harness: Harness, tasks_before: Tasks) -> None:
    async with harness.calling() as caller:
        await caller.say("Hi!")
        await caller.until("reply_audio")
        await caller.finish()
        names = await caller.to_end()
        assert names[-3:] == ["reply_released", "reply_finished", "conversation_ended"]
        assert caller.received("conversation_ended")[0].cause == pb.END_CAUSE_FINISHED
        assert caller.audio("reply_1") == bytes(harness.tts.speakings[-1].audio)
        await harness.until_empty(within=AT_ONCE_S)
        await harness.no_task_left(tasks_before)


async def test_finish_asks_for_the_last_words_and_answers_them(harness: Harness) -> None:
    harness.stt.answers_flushes = False
    async with harness.calling() as caller:
        await caller.play(SPEECH, SPEECH)
        await caller.until("user_speech_started")
        hearing = await harness.stt.hearing()
        await caller.finish()
        await hearing.until(lambda: hearing.flushes == [1])
        hearing.word("Goodbye")
        hearing.answer(1)
        await caller.to_end()
    assert caller.received("user_turn_ended")[0].text == "Goodbye"
    assert caller.names()[-2:] == ["reply_finished", "conversation_ended"]


LATE = [
    pb.ConverseRequest(text=pb.UserText(text="One more thing.")),
    pb.ConverseRequest(update=pb.UpdateSession()),
    pb.ConverseRequest(audio=pb.UserAudio(audio=SPEECH)),
    pb.ConverseRequest(config=pb.ConverseConfig()),
    pb.ConverseRequest(finish=pb.ConverseFinish()),
    pb.ConverseRequest(),
]


@pytest.mark.parametrize("late", LATE, ids=lambda late: str(late.WhichOneof("request")))
async def test_nothing_follows_the_end(harness: Harness, late: pb.ConverseRequest) -> None:
    async with harness.calling(TYPED) as caller:
        await caller.finish()
        for _ in range(20):
            with suppress(asyncio.InvalidStateError, grpc.aio.AioRpcError):
                await caller.send(late)
        assert (await caller.to_end())[-1] == "conversation_ended"


async def test_finish_with_nothing_to_wait_for_ends_at_once(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        await caller.finish()
        assert await caller.to_end() == ["started", "conversation_ended"]


async def test_a_hang_up_after_finish_is_no_hang_up(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        await caller.finish()
        await caller.hang_up()
        assert (await caller.to_end())[-2:] == ["reply_finished", "conversation_ended"]


@pytest.mark.unmute("S9", "B32")
async def test_goodbye_ends_the_conversation(harness: Harness) -> None:
    harness.llm.script = written("Bye!")
    async with harness.calling(pb.ConverseConfig(session=pb.SessionConfig(goodbye=True), typed_only=True)) as caller:
        await caller.say("Bye, then.")
        assert (await caller.to_end())[-3:] == ["reply_released", "reply_finished", "conversation_ended"]
    assert caller.received("conversation_ended")[0].cause == pb.END_CAUSE_GOODBYE
