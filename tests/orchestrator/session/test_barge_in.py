"""The person speaks over a reply: it is held, and cancelled or resumed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mesh.times import duration, seconds
from parley.conversation.v1 import conversation_pb2 as pb
from tests.fakes.llm import event, written
from tests.fakes.tts import spoken
from tests.orchestrator.caller import SILENCE, SPEECH, TYPED, Caller, name_of
from tests.orchestrator.harness import Harness

AT_ONCE_S = 0.1

DETECTION_CANCELS = pb.ConverseConfig(session=pb.SessionConfig(confirmation_time=duration(0)))


async def thinking(_request: object) -> AsyncIterator[str | bytes]:
    """Write some words at once, and then never end."""
    yield b"".join(event(f"word{number} ") for number in range(20))
    await asyncio.Event().wait()


@asynccontextmanager
async def interruptible(harness: Harness, config: pb.ConverseConfig | None = None) -> AsyncIterator[Caller]:
    """A conversation with its first reply, which detected speech does not interrupt, behind it."""
    async with harness.calling(config) as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
        yield caller


@pytest.mark.unmute("S9")
async def test_a_word_over_a_reply_cancels_all_of_it_at_once(harness: Harness) -> None:
    async with interruptible(harness) as caller:
        harness.llm.script = thinking
        await caller.say("Tell me a story.")
        while len(caller.received("reply_word_spoken")) < 6:
            await caller.next()
        assert (harness.tts.slots.open, harness.llm.slots.open) == (1, 1)
        hearing = await harness.stt.hearing()
        await caller.play(SILENCE, SPEECH, SPEECH)
        held = await caller.until("reply_held")
        harness.llm.script = written("Oh.")
        hearing.word("Wait")
        cancelled = await caller.until("reply_cancelled")
        assert (held.reply_id, cancelled.reply_id) == ("reply_2", "reply_2")
        assert cancelled.cause == pb.CANCEL_CAUSE_WORD_RECOGNIZED
        await harness.llm.slots.until_open(0, AT_ONCE_S)
        await harness.tts.slots.until_open(0, AT_ONCE_S)
        await caller.play(*[SILENCE] * 3)
        await caller.until("reply_finished")
    told = [name_of(event) for event in caller.events]
    after = caller.events[told.index("reply_cancelled") + 1 :]
    assert all("reply_2" not in str(event) for event in after)
    assert caller.received("user_turn_ended")[-1].text == "Wait"
    heard = cancelled.heard_text.split()
    spoken_words = [each.text for each in caller.received("reply_word_spoken") if each.reply_id == "reply_2"]
    assert heard == spoken_words[: len(heard)]
    assert len(heard) >= len(spoken_words) - 1
    assert await harness.llm.messages(2) == [
        ("user", "Hi!"),
        ("assistant", "Well, hello there."),
        ("user", "Tell me a story."),
        ("assistant", cancelled.heard_text),
        ("user", "Wait"),
    ]


async def test_nothing_is_released_while_a_reply_is_held(harness: Harness) -> None:
    async with interruptible(harness) as caller:
        harness.llm.script = thinking
        await caller.say("Tell me a story.")
        await caller.until("reply_word_spoken")
        await caller.play(SILENCE, SPEECH)
        await caller.until("reply_held")
        released = len(caller.audio("reply_2"))
        hearing = await harness.stt.hearing()
        hearing.word("Wait")
        await caller.until("reply_cancelled")
        assert len(caller.audio("reply_2")) == released


@pytest.mark.unmute("S9")
@pytest.mark.parametrize("confirmed", [False, True], ids=["unconfirmed", "confirmed"])
async def test_detected_speech_alone_cancels_where_it_is_told_to(harness: Harness, *, confirmed: bool) -> None:
    async with interruptible(harness, DETECTION_CANCELS) as caller:
        harness.llm.script = thinking
        await caller.say("Tell me a story.")
        await caller.until("reply_word_spoken")
        await caller.play(SILENCE, SPEECH)
        cancelled = await caller.until("reply_cancelled")
        assert cancelled.cause == pb.CANCEL_CAUSE_SPEECH_DETECTED
        await harness.tts.slots.until_open(0, AT_ONCE_S)
        await harness.llm.slots.until_open(0, AT_ONCE_S)
        assert not caller.received("reply_held")
        if not confirmed:
            await caller.play(*[SILENCE] * 3)
            await caller.until("user_turn_discarded")
            return
        (await harness.stt.hearing()).word("Wait")
        harness.llm.script = written("Oh.")
        await caller.play(*[SILENCE] * 3)
        await caller.until("user_turn_ended")
        await caller.until("reply_finished")


async def test_a_reply_that_resumes_has_lost_nothing(harness: Harness) -> None:
    """Held twice by noise, it is heard to its end, byte for byte."""
    harness.tts.script = spoken(2)
    async with interruptible(harness) as caller:
        harness.llm.script = written(*(f"word{number} " for number in range(7)))
        await caller.say("Tell me a story.")
        for _ in range(2):
            await caller.until("reply_word_spoken")
            await caller.play(SILENCE, SPEECH, *[SILENCE] * 2)
            await caller.until("reply_held")
            await caller.until("user_turn_discarded")
            await caller.until("reply_resumed")
        await caller.until("reply_finished")
    assert caller.audio("reply_2") == bytes(harness.tts.speakings[1].audio)
    assert caller.received("reply_finished")[-1].text == " ".join(f"word{number}" for number in range(7))
    frames = [each for each in caller.received("reply_audio") if each.reply_id == "reply_2"]
    offsets = [seconds(each.start_offset) for each in frames]
    assert offsets == sorted(offsets)
    words = [each.text for each in caller.received("reply_word_spoken") if each.reply_id == "reply_2"]
    assert words == [f"word{number}" for number in range(7)]


@pytest.mark.unmute("B13", "B9")
async def test_a_reply_that_is_being_prepared_is_called_off(harness: Harness) -> None:
    async def silent(_request: object) -> AsyncIterator[str | bytes]:
        await asyncio.Event().wait()
        yield ""

    harness.llm.script = silent
    async with harness.calling() as caller:
        await caller.say("Hi!")
        await harness.llm.slots.until_open(1)
        await harness.tts.slots.until_open(1)
        (await harness.stt.hearing()).word("Wait")
        cancelled = await caller.until("reply_cancelled")
        assert (cancelled.heard_text, seconds(cancelled.heard_duration)) == ("", 0)
        await harness.llm.slots.until_open(0, AT_ONCE_S)
        await harness.tts.slots.until_open(0, AT_ONCE_S)
        harness.llm.script = written("Yes?")
        await caller.play(*[SILENCE] * 3)
        await caller.until("reply_finished")
    assert await harness.llm.messages(1) == [("user", "Hi! Wait")]


async def test_a_model_far_ahead_of_the_voice_is_called_off_too(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    """While no voice answers, the words fill the queue, and the request to the model stays open."""
    monkeypatch.setattr("orchestrator.session.synthesis._WORDS_AHEAD", 10)
    harness.tts.admits = False
    harness.llm.script = thinking
    async with harness.calling() as caller:
        await caller.say("Hi!")
        for _ in range(11):
            await caller.until("reply_text_delta")
        (await harness.stt.hearing()).word("Wait")
        await caller.until("reply_cancelled")
        await harness.llm.slots.until_open(0, AT_ONCE_S)
    assert len(caller.received("reply_text_delta")) == 11


async def test_a_client_that_reports_what_it_played_is_believed(harness: Harness) -> None:
    """Its player stopped after the second word, however long the hold lasted and whatever it had been sent."""
    async with interruptible(harness) as caller:
        harness.llm.script = thinking
        await caller.say("Tell me a story.")
        while len(caller.received("reply_word_spoken")) < 6:
            await caller.next()
        words = [each for each in caller.received("reply_word_spoken") if each.reply_id == "reply_2"]
        hearing = await harness.stt.hearing()
        await caller.play(SILENCE, SPEECH, SPEECH)
        await caller.until("reply_held")
        playback = pb.ReplyPlayback(reply_id="reply_2", played_duration=words[1].end_offset, paused=True)
        await caller.send(pb.ConverseRequest(playback=playback))
        hearing.word("Wait")
        cancelled = await caller.until("reply_cancelled")
    assert cancelled.heard_text.split() == [each.text for each in words[:2]]
    # A report is believed for a second; on a busy machine the word may come a moment after that.
    assert seconds(cancelled.heard_duration) == pytest.approx(seconds(words[1].end_offset), abs=0.05)


async def test_a_report_that_makes_no_sense_is_rejected(harness: Harness) -> None:
    async with harness.calling(TYPED) as caller:
        playback = pb.ReplyPlayback(reply_id="reply_1", played_duration=duration(-1.0))
        await caller.send(pb.ConverseRequest(request_id="a", playback=playback))
        rejected = await caller.until_event("request_rejected")
        assert rejected.request_id == "a"
        assert "played_duration is -1 s" in rejected.request_rejected.message


async def test_playing_is_reported_until_the_end(harness: Harness) -> None:
    """Also by a client that has finished: the conversation ends when its player has, not before."""
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        released = await caller.until("reply_released")
        await caller.finish()
        report = pb.ReplyPlayback(reply_id=released.reply_id, played_duration=released.audio_duration, paused=True)
        await caller.send(pb.ConverseRequest(playback=report))
        assert (await caller.to_end())[-2:] == ["reply_finished", "conversation_ended"]
    assert not caller.received("request_rejected")
