"""A recogniser that is lost, or stalls, in the middle of a conversation."""

import asyncio

import grpc
import pytest

from mesh.audio import FRAME_BYTES, FRAME_S, SAMPLE_RATE
from mesh.errors import UpstreamDown
from mesh.rpc import health
from mesh.times import seconds
from parley.conversation.v1 import conversation_pb2 as pb
from tests.fakes.stt import Hearing
from tests.fakes.tts import spoken
from tests.orchestrator.caller import SILENCE, SPEECH, Caller
from tests.orchestrator.harness import Harness, open_harness


def numbered_speech(first: int, count: int) -> list[bytes]:
    """Frames that score as speech, no two alike."""
    return [
        (SPEECH[: FRAME_BYTES - 2] + (8_000 + number).to_bytes(2, "little")) for number in range(first, first + count)
    ]


async def until_heard(hearing: Hearing, frames: int) -> None:
    await hearing.until(lambda: len(hearing.audio) >= frames * FRAME_BYTES)


@pytest.mark.unmute("B23")
async def test_the_next_recogniser_hears_what_came_after_the_last_word(harness: Harness) -> None:
    frames = numbered_speech(0, 10)
    async with harness.calling() as caller:
        await caller.play(*frames[:6])
        first = await harness.stt.hearing()
        await until_heard(first, 6)
        first.word("Hello", start=FRAME_S, end=4 * FRAME_S)
        await caller.until("user_word_recognized")
        first.fail()
        warning = await caller.until("warning")
        assert warning.reason == "STT_LOST"
        await caller.play(*frames[6:])
        second = await harness.stt.hearing(1)
        await until_heard(second, 6)
        assert second.base == pytest.approx(4 * FRAME_S)
        assert bytes(second.audio) == b"".join(frames[4:])
        assert second.config.session_id == first.config.session_id


async def test_before_the_first_word_all_is_heard_again(harness: Harness) -> None:
    frames = numbered_speech(0, 4)
    async with harness.calling() as caller:
        await caller.play(*frames)
        first = await harness.stt.hearing()
        await until_heard(first, 4)
        first.fail()
        second = await harness.stt.hearing(1)
        await until_heard(second, 4)
        assert (second.base, bytes(second.audio)) == (0, b"".join(frames))


async def test_another_language_is_recognised_from_the_last_word_on(harness: Harness) -> None:
    frames = numbered_speech(0, 6)
    async with harness.calling(pb.ConverseConfig(session=pb.SessionConfig(language="en"))) as caller:
        await caller.play(*frames[:4])
        first = await harness.stt.hearing()
        await until_heard(first, 4)
        first.word("Hello", start=0, end=3 * FRAME_S)
        await caller.until("user_word_recognized")
        await caller.update(pb.SessionConfig(language="fr"))
        second = await harness.stt.hearing(1)
        await caller.play(*frames[4:])
        await until_heard(second, 3)
        assert [each.config.language for each in harness.stt.hearings] == ["en", "fr"]
        assert bytes(second.audio) == b"".join(frames[3:])
        assert not caller.received("warning")


async def test_a_language_that_the_recogniser_does_not_know_leaves_the_person_heard(harness: Harness) -> None:
    harness.stt.unknown_languages = {"tlh"}
    async with harness.calling(pb.ConverseConfig(session=pb.SessionConfig(language="fr"))) as caller:
        await caller.play(SPEECH)
        await until_heard(await harness.stt.hearing(), 1)
        await caller.update(pb.SessionConfig(language="tlh"))
        warning = await caller.until("warning")
        assert warning.reason == "LANGUAGE_UNKNOWN"
        second = await harness.stt.hearing(1)
        await caller.play(SPEECH)
        await until_heard(second, 2)
        second.word("Hello")
        await caller.until("user_word_recognized")
    assert [each.config.language for each in harness.stt.hearings] == ["fr", "fr"]


async def test_the_next_recogniser_may_not_know_the_language(harness: Harness) -> None:
    async with harness.calling(pb.ConverseConfig(session=pb.SessionConfig(language="fr"))) as caller:
        first = await harness.stt.hearing()
        harness.stt.unknown_languages = {"fr"}
        first.fail()
        assert (await caller.until("warning")).reason == "STT_LOST"
        assert (await caller.until("warning")).reason == "LANGUAGE_UNKNOWN"
        await harness.stt.hearing(1)
    assert [each.config.language for each in harness.stt.hearings] == ["fr", ""]


async def test_a_microphone_that_sends_nothing_gives_its_recogniser_back() -> None:
    async with open_harness(unused_recognizer_s=2.0) as harness, harness.calling() as caller:
        await harness.stt.slots.until_open(1)
        await harness.stt.slots.until_open(0)
        await caller.play(*numbered_speech(0, 3))
        second = await harness.stt.hearing(1)
        await until_heard(second, 3)
        assert (second.base, bytes(second.audio)) == (0, b"".join(numbered_speech(0, 3)))
        second.word("Hello")
        await caller.until("user_word_recognized")
        assert not caller.received("warning")


async def test_a_microphone_that_is_muted_gives_its_recogniser_back() -> None:
    async with open_harness(unused_recognizer_s=2.0) as harness, harness.calling() as caller:
        await caller.play(*silences(5))
        await until_heard(await harness.stt.hearing(), 5)
        await harness.stt.slots.until_open(0)
        await caller.play(*numbered_speech(0, 3))
        second = await harness.stt.hearing(1)
        await until_heard(second, 3)
        assert second.base == pytest.approx(5 * FRAME_S)
        await caller.until("user_speech_started")


async def test_a_flush_is_answered_before_the_recogniser_is_given_back() -> None:
    async with open_harness(unused_recognizer_s=2.0) as harness, harness.calling() as caller:
        harness.stt.answers_flushes = False
        await caller.play(SPEECH)
        first = await harness.stt.hearing()
        await first.until(lambda: first.flushes == [1])
        await asyncio.sleep(1.5)
        assert harness.stt.slots.open == 1
        first.word("Late")
        first.answer(1)
        await caller.until("user_word_recognized")
        await harness.stt.slots.until_open(0)


async def test_a_microphone_that_returns_to_a_full_mesh_is_told_and_heard_later() -> None:
    async with open_harness(unused_recognizer_s=2.0) as harness, harness.calling() as caller:
        await harness.stt.slots.until_open(0)
        with harness.stt.refusing():
            await caller.play(*numbered_speech(0, 3))
            warning = await caller.until("warning")
            assert warning.reason == "STT_LOST"
        second = await harness.stt.hearing(1)
        await until_heard(second, 3)
        assert bytes(second.audio) == b"".join(numbered_speech(0, 3))


def silences(count: int) -> list[bytes]:
    return [SILENCE] * count


async def scored(caller: Caller, hearing: Hearing, frames: int) -> None:
    """Wait until the orchestrator knows the scores of so many frames."""
    await until_heard(hearing, frames)
    hearing.partial("")
    await caller.until("user_partial_transcript")


LONG = 40
"""Frames: 3.2 s."""


async def test_silence_that_was_scored_is_not_heard_again(harness: Harness) -> None:
    async with harness.calling() as caller:
        await caller.play(*silences(LONG))
        first = await harness.stt.hearing()
        await scored(caller, first, LONG)
        await caller.play(*numbered_speech(0, 3))
        await scored(caller, first, LONG + 3)
        first.fail()
        second = await harness.stt.hearing(1)
        assert second.base == pytest.approx(LONG * FRAME_S - 1.0, abs=0.01)
        await until_heard(second, 3 + 12)
        assert bytes(second.audio).endswith(b"".join(numbered_speech(0, 3)))


@pytest.mark.parametrize("uncertain", ["a short silence", "a partial", "a flush"])
async def test_silence_after_words_that_may_still_come_is_heard_again(harness: Harness, uncertain: str) -> None:
    harness.stt.answers_flushes = False
    frames = 20 if uncertain == "a short silence" else LONG
    async with harness.calling() as caller:
        first = await harness.stt.hearing()
        if uncertain == "a flush":
            await caller.play(SPEECH)
            frames += 1
        await caller.play(SILENCE)
        if uncertain == "a partial":
            first.partial("may")
            await caller.until("user_partial_transcript")
        await caller.play(*silences(frames - 1 - (uncertain == "a flush")))
        await until_heard(first, frames)
        first.score(1.0, frames * FRAME_S)
        first.fail()
        second = await harness.stt.hearing(1)
        assert second.base == 0


async def test_a_reply_that_is_held_when_the_recogniser_is_lost_stays_held(harness: Harness) -> None:
    harness.tts.script = spoken(10)
    async with harness.calling(pb.ConverseConfig(session=pb.SessionConfig(greeting=False))) as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
        await caller.say("And now?")
        await caller.until("reply_word_spoken")
        await caller.play(SPEECH, SPEECH)
        await caller.until("reply_held")
        with harness.stt.refusing():
            (await harness.stt.hearing()).fail()
            await caller.until("warning")
            await asyncio.sleep(1.5)  # longer than a hold lasts without a word
            assert "reply_resumed" not in caller.names()
        second = await harness.stt.hearing(1)
        await until_heard(second, 2)
        second.word("Wait")
        cancelled = await caller.until("reply_cancelled")
    assert cancelled.cause == pb.CANCEL_CAUSE_WORD_RECOGNIZED
    assert "reply_resumed" not in caller.names()


async def test_what_is_heard_again_decides_nothing_twice(harness: Harness) -> None:
    """The pause of a turn that was answered is scored again, and is no pause."""
    harness.stt.answers_flushes = False
    async with harness.calling() as caller:
        await caller.play(SPEECH, SPEECH, SILENCE)
        first = await harness.stt.hearing()
        await first.until(lambda: first.flushes == [1])
        first.word("Hello", start=0.0, end=FRAME_S)
        first.answer(1)
        await caller.until("user_turn_ended")
        await caller.until("reply_finished")
        await caller.play(SPEECH)
        await caller.until("user_speech_started")
        await caller.play(SILENCE)
        await first.until(lambda: first.flushes == [1, 2])
        first.answer(2)
        await caller.until("user_turn_discarded")
        before = len(caller.events)
        first.fail()
        second = await harness.stt.hearing(1)
        assert second.base == pytest.approx(5 * FRAME_S)
        await caller.play(SPEECH)
        await until_heard(second, 1)  # perhaps as a replay
        await caller.play(SPEECH)
        started = await caller.until("user_speech_started")
        assert seconds(started.offset) > 5.5 * FRAME_S
        assert caller.names()[before:] == ["warning", "user_speech_started"]


async def test_scores_of_the_replay_are_kept_from_the_core(harness: Harness) -> None:
    async with harness.calling() as caller:
        await caller.play(SPEECH, SPEECH)
        await caller.until("user_speech_started")
        first = await harness.stt.hearing()
        harness.stt.scores = False
        await caller.play(SILENCE, SILENCE)
        await until_heard(first, 4)
        harness.stt.scores = True
        first.fail()
        second = await harness.stt.hearing(1)
        await until_heard(second, 4)
        assert second.flushes == []
        await caller.play(SILENCE)
        stopped = await caller.until("user_speech_stopped")
        assert seconds(stopped.offset) == pytest.approx(5 * FRAME_S)


async def test_a_flush_that_was_not_answered_is_asked_again_in_its_place(harness: Harness) -> None:
    harness.stt.answers_flushes = False
    async with harness.calling() as caller:
        await caller.play(SPEECH, SPEECH, SILENCE)
        first = await harness.stt.hearing()
        await first.until(lambda: first.flushes == [1])
        first.fail()
        await caller.play(SPEECH)
        second = await harness.stt.hearing(1)
        await until_heard(second, 4)
        await second.until(lambda: second.flushes == [1])
        assert second.flushed_at == [3 * FRAME_BYTES]
        second.word("Hello", start=0.0, end=2 * FRAME_S)
        second.answer(1)
        await caller.until("user_word_recognized")


async def test_an_answer_covers_the_flushes_before_it(harness: Harness) -> None:
    """A recogniser that swallows one must not deafen the conversation."""
    harness.stt.answers_flushes = False
    async with harness.calling() as caller:
        first = await harness.stt.hearing()
        await say(caller, first, "One", flush=1, answered=False)
        await caller.until("user_turn_ended")
        await caller.until("reply_finished")
        await say(caller, first, "Two", flush=2, answered=True)
        assert (await caller.until("user_turn_ended")).text == "Two"
        await caller.until("reply_finished")
        first.fail()
        second = await harness.stt.hearing(1)
        await caller.play(SPEECH)
        await until_heard(second, 1)
        assert second.flushes == []
        assert second.base == pytest.approx(6 * FRAME_S)


async def say(caller: Caller, hearing: Hearing, word: str, *, flush: int, answered: bool) -> None:
    """One spoken word of two frames, a pause of one, and what the recogniser makes of it."""
    await caller.play(SPEECH, SPEECH)
    await caller.until("user_speech_started")
    hearing.word(word)
    await caller.until("user_word_recognized")
    await caller.play(SILENCE)
    await hearing.until(lambda: flush in hearing.flushes)
    if answered:
        hearing.answer(flush)


@pytest.mark.unmute("B23")
async def test_the_end_of_a_stream_that_nobody_asked_for_is_a_loss(harness: Harness) -> None:
    async with harness.calling() as caller:
        (await harness.stt.hearing()).end()
        assert (await caller.until("warning")).reason == "STT_LOST"
        await harness.stt.hearing(1)


@pytest.mark.parametrize("reads", [True, False], ids=["which reads on", "which reads nothing"])
async def test_a_recogniser_that_scores_nothing_is_given_up(
    harness: Harness, monkeypatch: pytest.MonkeyPatch, *, reads: bool
) -> None:
    monkeypatch.setattr("orchestrator.session.recognition._STALL_ALONE_S", 0.25)
    async with harness.calling() as caller:
        (await harness.stt.hearing()).scores = False
        if not reads:
            harness.stt.reading.clear()
        await caller.play(*[SPEECH] * 14)
        assert (await caller.until("warning")).reason == "STT_LOST"
        harness.stt.reading.set()
        second = await harness.stt.hearing(1)
        await until_heard(second, 14)
        await harness.stt.slots.until_open(1)


def taken(harness: Harness) -> tuple[Hearing, int]:
    """The recogniser that the conversation has, and which replica it is."""
    number = next(number for number, fake in enumerate(harness.all_stt) if fake.hearings)
    return harness.all_stt[number].hearings[0], number


async def test_a_recogniser_whose_process_hangs_is_given_up_before_its_connection_is(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("orchestrator.session.recognition._STALL_S", 60.0)
    monkeypatch.setattr("mesh.rpc.channels._OPTIONS", ())  # no pings
    async with open_harness(ears=2) as harness, harness.calling() as caller:
        await caller.play(SPEECH)
        first, number = taken(harness)
        await until_heard(first, 1)
        await caller.until("user_speech_started")
        harness.stt_links[number].darken()
        await caller.play(*numbered_speech(0, 5))
        second = await harness.all_stt[1 - number].hearing()
        await until_heard(second, 6)
        assert (await caller.until("warning")).reason == "STT_LOST"


async def test_a_recogniser_that_is_only_busy_is_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.session.recognition._STALL_S", 60.0)
    asked: asyncio.Queue[bool] = asyncio.Queue()

    async def answers(channel: grpc.aio.Channel, *, within: float) -> bool:
        there = await health.answers(channel, within=within)
        asked.put_nowait(there)
        return there

    monkeypatch.setattr("mesh.discovery.replicas.answers", answers)
    async with open_harness(ears=2) as harness, harness.calling() as caller:
        await caller.play(SPEECH)
        first, number = taken(harness)
        await caller.until("user_speech_started")
        first.scores = False
        await caller.play(*numbered_speech(0, 5))
        assert [await asked.get(), await asked.get()] == [True, True]
        first.word("Hello")
        await caller.until("user_word_recognized")
        assert not harness.all_stt[1 - number].hearings
        assert not caller.received("warning")


async def test_a_microphone_that_falls_silent_between_frames_is_no_stall(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.session.recognition._STALL_ALONE_S", 0.05)
    async with harness.calling() as caller:
        await caller.play(SILENCE, SILENCE[: FRAME_BYTES // 4])
        hearing = await harness.stt.hearing()
        await hearing.until(lambda: len(hearing.audio) == FRAME_BYTES * 5 // 4)
        await caller.say("Hi!")
        await caller.until("reply_finished")
        await caller.play(SILENCE)
        await until_heard(hearing, 2)
        await caller.say("Hi!")
        await caller.until("reply_finished")
        assert not caller.received("warning")
        assert len(harness.stt.hearings) == 1


async def test_a_recogniser_that_cannot_keep_up_is_given_up(harness: Harness) -> None:
    """After a gap its offsets would be wrong; another gets the last 25 seconds."""
    harness.stt.scores = False
    harness.stt.reading.clear()
    async with harness.calling() as caller:
        await caller.play(*[bytes(10 * 2 * SAMPLE_RATE)] * 13)  # gRPC takes 87 s of it that nobody reads
        await caller.say("Have you heard all of it?")
        await caller.until("reply_created")
        harness.stt.reading.set()
        second = await harness.stt.hearing(1)
        await second.until(lambda: second.offset == pytest.approx(130))
        assert second.base == pytest.approx(105)
        await caller.until("reply_finished")
        assert [each.reason for each in caller.received("warning")] == ["STT_LOST"]


@pytest.mark.unmute("B23")
async def test_people_are_warned_once_however_long_the_search_takes(
    harness: Harness, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("orchestrator.session.recognition._FIRST_RETRY_S", 0.01)
    async with harness.calling() as caller:
        first = await harness.stt.hearing()
        harness.stt.slots.capacity = 0
        first.fail(UpstreamDown("the engine has crashed"))
        await harness.stt.slots.until(lambda: harness.stt.slots.refused == 4)
        await caller.say("Are you there?")
        await caller.until("reply_finished")
        harness.stt.slots.capacity = None
        second = await harness.stt.hearing(1)
        second.word("Yes")
        await caller.until("user_word_recognized")
        assert [each.reason for each in caller.received("warning")] == ["STT_LOST"]
