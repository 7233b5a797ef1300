"""Spoken turns, from the first sample to the reply."""

import pytest

from mesh.audio import FRAME_S
from mesh.times import duration, seconds
from parley.conversation.v1 import conversation_pb2 as pb
from tests.fakes.tts import spoken
from tests.orchestrator.caller import SILENCE, SPEECH
from tests.orchestrator.harness import Harness


async def test_a_spoken_turn_is_answered_aloud(harness: Harness) -> None:
    harness.stt.answers_flushes = False
    async with harness.calling() as caller:
        await caller.play(SILENCE, SPEECH, SPEECH)
        started = await caller.until("user_speech_started")
        hearing = await harness.stt.hearing()
        hearing.partial("hello wor")
        assert (await caller.until("user_partial_transcript")).text == "hello wor"
        hearing.word("Hello", start=FRAME_S, end=2 * FRAME_S)
        word = await caller.until("user_word_recognized")
        await caller.play(SILENCE)
        stopped = await caller.until("user_speech_stopped")
        await hearing.until(lambda: hearing.flushes == [1])
        hearing.word("world", start=2 * FRAME_S, end=3 * FRAME_S)
        hearing.answer(1)
        await caller.until("reply_finished")
    assert caller.names(without="reply_audio") == [
        "started",
        "user_speech_started",
        "user_partial_transcript",
        "user_word_recognized",
        "user_speech_stopped",
        "user_word_recognized",
        "user_turn_ended",
        "reply_created",
        *["reply_text_delta"] * 3,
        "reply_text_done",
        *["reply_word_spoken"] * 3,
        "reply_released",
        "reply_finished",
    ]
    (ended,) = caller.received("user_turn_ended")
    assert {each.item_id for each in (started, word, stopped, ended)} == {"item_1"}
    assert (started.cause, stopped.cause, ended.cause) == (pb.SPEECH_CAUSE_DETECTED,) * 3
    assert started.offset == duration(2 * FRAME_S)
    assert stopped.offset == duration(4 * FRAME_S)
    assert (word.start_offset, word.end_offset) == (duration(FRAME_S), duration(2 * FRAME_S))
    assert ended.text == "Hello world"
    # A reply to "Hello wor" may have been prepared before it, and was dropped.
    assert await harness.llm.messages(-1) == [("user", "Hello world")]


@pytest.mark.unmute("B13")
async def test_speech_that_goes_on_takes_the_pause_back(harness: Harness) -> None:
    harness.stt.answers_flushes = False
    async with harness.calling() as caller:
        await caller.play(SPEECH, SPEECH)
        hearing = await harness.stt.hearing()
        await caller.until("user_speech_started")
        hearing.word("Well")
        await caller.play(SILENCE)
        await hearing.until(lambda: hearing.flushes == [1])
        await caller.play(SPEECH)
        await caller.until("user_speech_started")
        hearing.answer(1)
        hearing.word("actually")
        await caller.play(SILENCE)
        await hearing.until(lambda: hearing.flushes == [1, 2])
        hearing.answer(2)
        assert (await caller.until("user_turn_ended")).text == "Well actually"
    assert len(caller.received("user_turn_ended")) == 1


async def test_noise_is_no_turn(harness: Harness) -> None:
    async with harness.calling() as caller:
        await caller.play(SPEECH, SILENCE)
        await caller.until("user_turn_discarded")
        await caller.say("Hi!")
        await caller.until("reply_created")
        assert await harness.llm.messages() == [("user", "Hi!")]


@pytest.mark.unmute("S9", "C9", "B29")
async def test_a_long_silence_is_broken(harness: Harness) -> None:
    session = pb.SessionConfig(silence_timeout=duration(0.05))
    async with harness.calling(pb.ConverseConfig(session=session)) as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
        stopped = await caller.until("user_speech_stopped")
        assert stopped.cause == pb.SPEECH_CAUSE_SILENCE
        assert seconds(stopped.offset) == 0
        assert (await caller.until("user_turn_ended")).text == "..."
        await caller.until("reply_created")
        assert (await harness.llm.messages(1))[-1] == ("user", "...")


@pytest.mark.unmute("B29")
async def test_a_client_that_stops_sending_in_the_middle_of_a_word_is_answered_and_then_missed(
    harness: Harness,
) -> None:
    session = pb.SessionConfig(silence_timeout=duration(0.05))
    async with harness.calling(pb.ConverseConfig(session=session)) as caller:
        await caller.play(SPEECH, SPEECH)
        await caller.until("user_speech_started")
        (await harness.stt.hearing()).word("Well")
        # From here on it sends nothing, and nothing scores a pause.
        stopped = await caller.until("user_speech_stopped")
        assert (stopped.cause, stopped.offset) == (pb.SPEECH_CAUSE_DETECTED, duration(2 * FRAME_S))
        assert (await caller.until("user_turn_ended")).text == "Well"
        await caller.until("reply_finished")
        stopped = await caller.until("user_speech_stopped")
        assert (stopped.cause, stopped.offset) == (pb.SPEECH_CAUSE_SILENCE, duration(2 * FRAME_S))
        assert (await caller.until("user_turn_ended")).text == "..."
        await caller.until("reply_finished")


async def test_a_word_that_is_only_remembered_is_written_down(harness: Harness) -> None:
    """The caller need not send its sound again, so another orchestrator would not hear it."""
    harness.stt.answers_flushes = False
    harness.tts.script = spoken(30)
    async with harness.calling(pb.ConverseConfig(checkpoints=True)) as caller:
        await caller.play(SILENCE, SPEECH, SPEECH)
        await caller.until("user_speech_started")
        hearing = await harness.stt.hearing()
        hearing.word("Hello", start=FRAME_S, end=2 * FRAME_S)
        await caller.play(SILENCE)
        assert (await caller.until("user_turn_ended")).text == "Hello"
        await caller.until("reply_word_spoken")
        hearing.word("world", start=2 * FRAME_S, end=3 * FRAME_S)
        await caller.until("user_word_recognized")
        checkpoint = await caller.until("checkpoint")
        assert b"Hello world" in checkpoint.state
        assert not caller.received("reply_released")
