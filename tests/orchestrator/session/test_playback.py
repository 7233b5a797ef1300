"""Of a reply that was cut short the language model is shown what the person has been played, to the word."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from mesh.times import duration, seconds
from parley.conversation.v1 import conversation_pb2 as pb
from tests.fakes.llm import written
from tests.fakes.tts import spoken
from tests.orchestrator.caller import SILENCE, SPEECH, Caller
from tests.orchestrator.harness import Harness

FRAMES_A_WORD = 2
WORD_S = 0.08 * FRAMES_A_WORD
WORDS = [f"word{number}" for number in range(20)]

BUSY_S = 0.05
"""By so much a busy machine may delay what a client is told first."""

AT_ONCE = pb.ConverseConfig(session=pb.SessionConfig(confirmation_time=duration(0)))
"""Detected speech cancels, as it does for Unmute's clients."""


@asynccontextmanager
async def hearing_a_story(harness: Harness, config: pb.ConverseConfig | None = None) -> AsyncIterator[Caller]:
    """A conversation in which the third word of reply_2, which may be interrupted, begins to be heard."""
    harness.tts.script = spoken(FRAMES_A_WORD)
    async with harness.calling(config) as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
        harness.llm.script = written(*(f"{word} " for word in WORDS))
        await caller.say("Tell me a story.")
        for _ in range(2):
            await caller.until("reply_word_spoken")
        # A microphone that has sent nothing for a second counts as muted, which would end the next turn at once.
        await caller.play(SILENCE)
        await caller.until("reply_word_spoken")
        harness.llm.script = written("Oh.")
        yield caller


async def report(caller: Caller, words: float, *, paused: bool) -> None:
    """Tell that so many words of reply_2 were played."""
    playback = pb.ReplyPlayback(reply_id="reply_2", played_duration=duration(words * WORD_S), paused=paused)
    await caller.send(pb.ConverseRequest(playback=playback))


async def is_remembered(harness: Harness, caller: Caller, words: list[str]) -> None:
    """End the person's turn, and see what the language model is really shown of reply_2."""
    await caller.play(*[SILENCE] * 3)
    await caller.until("reply_created")
    story, wait = ("user", "Tell me a story."), ("user", "Wait")
    since = [story, ("assistant", " ".join(words)), wait] if words else [("user", "Tell me a story. Wait")]
    assert await harness.llm.messages(2) == [("user", "Hi!"), ("assistant", "Well, hello there."), *since]


@pytest.mark.unmute("S9")
@pytest.mark.parametrize("played", [0.9, 1.0, 1.9, 2.0])
async def test_a_player_that_is_held_tells_where_it_stopped(harness: Harness, played: float) -> None:
    async with hearing_a_story(harness) as caller:
        hearing = await harness.stt.hearing()
        await caller.play(SILENCE, SPEECH, SPEECH)
        await caller.until("reply_held")
        await report(caller, played, paused=True)
        # The recogniser's next word takes another way, and must not overtake the report.
        await caller.update(pb.SessionConfig())
        await caller.until("session_updated")
        hearing.word("Wait")
        cancelled = await caller.until("reply_cancelled")
        assert cancelled.heard_text.split() == WORDS[: int(played)]
        await is_remembered(harness, caller, WORDS[: int(played)])


@pytest.mark.unmute("S9")
@pytest.mark.parametrize("played", [0.9, 1.9, 2.9])
@pytest.mark.parametrize("detected", [True, False], ids=["speech", "a word"])
async def test_a_player_that_is_stopped_outright_tells_it_afterwards(
    harness: Harness, played: float, *, detected: bool
) -> None:
    async with hearing_a_story(harness, AT_ONCE) as caller:
        hearing = await harness.stt.hearing()
        if detected:
            await caller.play(SILENCE, SPEECH, SPEECH)
        else:
            hearing.word("Wait")
        await caller.until("reply_cancelled")
        # It had been told to be silent only now, and had played more, or less, than the service can know.
        await report(caller, played, paused=True)
        if detected:
            hearing.word("Wait")
        await caller.until("user_word_recognized")
        await is_remembered(harness, caller, WORDS[: int(played)])


async def test_reports_that_make_no_sense_change_nothing_that_was_heard(harness: Harness) -> None:
    """Those that go back, jump ahead of what was sent, or are about another reply."""
    async with hearing_a_story(harness) as caller:
        hearing = await harness.stt.hearing()
        await caller.play(SILENCE, SPEECH, SPEECH)
        await caller.until("reply_held")
        released = len(caller.audio("reply_2")) / 48_000
        await report(caller, 2.0, paused=True)
        await report(caller, 0.5, paused=True)
        for reply_id in ("reply_1", "reply_3", "", "never was"):
            nonsense = pb.ReplyPlayback(reply_id=reply_id, played_duration=duration(9.0), paused=True)
            await caller.send(pb.ConverseRequest(playback=nonsense))
        hearing.word("Wait")
        cancelled = await caller.until("reply_cancelled")
        assert cancelled.heard_text.split() == WORDS[:2]
        await report(caller, 1_000.0, paused=True)
        await is_remembered(harness, caller, WORDS[: int(released / WORD_S + 1e-6)])


async def test_a_player_that_dies_in_a_hold_does_not_keep_the_reply(harness: Harness) -> None:
    """It is taken to go on after a second, so that the conversation does."""
    async with hearing_a_story(harness) as caller:
        await report(caller, 2.0, paused=True)
        await caller.until("reply_finished")
        assert [each.text for each in caller.received("reply_word_spoken") if each.reply_id == "reply_2"] == WORDS


@pytest.mark.unmute("S9")
@pytest.mark.parametrize("config", [None, AT_ONCE], ids=["held", "at once"])
async def test_without_reports_a_player_in_real_time_is_known_to_the_word(
    harness: Harness, config: pb.ConverseConfig | None
) -> None:
    """It plays what it is sent from the first audio on; for a hold it plays out what it has, for a cancellation not."""
    now = asyncio.get_running_loop().time
    async with hearing_a_story(harness, config) as caller:
        begun = now()
        while len(caller.received("reply_word_spoken")) < 9:
            event = await caller.next()
            assert event
            if event.HasField("reply_word_spoken"):  # Whichever comes with the least delay tells best.
                begun = min(begun, now() - seconds(event.reply_word_spoken.start_offset))
        hearing = await harness.stt.hearing()
        least = now() - begun
        await caller.play(SILENCE, SPEECH, SPEECH)
        await caller.until("reply_held" if config is None else "reply_cancelled")
        most = now() - begun
        hearing.word("Wait")
        if config is None:
            await caller.until("reply_cancelled")
            most = min(now() - begun, len(caller.audio("reply_2")) / 48_000)
        await caller.until("user_word_recognized")
        cancelled = caller.received("reply_cancelled")[0]
        heard = seconds(cancelled.heard_duration)
        assert least - BUSY_S <= heard <= most + BUSY_S
        assert cancelled.heard_text.split() == WORDS[: int((heard + 1e-6) / WORD_S)]
        await is_remembered(harness, caller, cancelled.heard_text.split())
