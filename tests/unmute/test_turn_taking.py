"""Unmute's rules of turn taking, one by one, as they hold for a client of its dialect; the bugs among them put right.

The tables are those of tests/orchestrator/conversation, whose `rules` show many more cases of each.
"""

import asyncio

import pytest

from orchestrator.conversation import Policy
from orchestrator.conversation.actions import (
    CancelCause,
    CancelReply,
    EndCause,
    EndConversation,
    PrepareReply,
    ReplyFinishedNotice,
    ReplyReleasedNotice,
    ReplyTextDoneNotice,
    ReplyWordNotice,
    RequestFlush,
    SpeechStoppedNotice,
    TurnDiscardedNotice,
    TurnEndedNotice,
)
from orchestrator.conversation.events import (
    Flushed,
    ReplyTextArrived,
    ReplyTextCompleted,
    ReplyWordTimed,
    SessionConfigured,
)
from orchestrator.session.options import policy_of
from tests.edge.dialects.unmute.harness import idle_dialect
from tests.orchestrator.conversation.notation import (
    DETECTED,
    PLAYING,
    SILENCE,
    WORD,
    answered,
    assistant,
    audio,
    microphone,
    pause,
    prepare,
    release,
    score,
    speech,
    started,
    stopped,
    system,
    user,
    user_word,
    word,
)
from tests.orchestrator.conversation.player import play
from tests.orchestrator.conversation.script import Script, as_text, at, due, nothing, script, time_passes


async def _unasked() -> str | bytes:
    raise AssertionError("the conversation opens before the client has said anything")


UNMUTE = policy_of(asyncio.run(idle_dialect().opening(_unasked)).config.session, Policy())
"""How a conversation is held for Unmute's clients."""

CHARACTER = SessionConfigured(instructions="Be kind.")
KIND, HELLO, GREETING = system("Be kind."), user("Hello."), assistant("Hello there!")
GREETED = (at(0.10, CHARACTER), *answered("reply_1", "Hello there!", 1.0), time_passes(until=2.5))
"""The greeting, reply_1 (item_1), was released at 1.68 and has been heard since 2.00."""
SPOKEN = (*GREETED, at(3.00, speech), at(3.50, word("Well?")))
"""A turn, item_2, is open, and holds "Well?"."""
PAUSED = (*SPOKEN, at(3.70, pause))
"""It has paused; flush 1 is to tell its last words."""
ASKED = (*PAUSED, at(3.80, Flushed(1)))
"""reply_2 (item_3) is being prepared."""
TOLD = (*ASKED, *answered("reply_2", "One two three four.", 4.0))
"""It is spoken from 4.00 to 6.00; the last of it is released at 5.68."""


def holds(table: Script) -> None:
    assert as_text(play(table)) == as_text(table.rows)


# --- the greeting -------------------------------------------------------------------------------------------------


@pytest.mark.unmute("S6", "C3")
def test_the_greeting_needs_instructions_as_well_as_audio() -> None:
    holds(
        script(
            "",
            at(0.50, microphone(0.08)),
            nothing(until=30.0),
            at(30.0, SessionConfigured(voice="carla")),
            at(31.0, CHARACTER, prepare("reply_1", "item_1", KIND, user("Hello!"), voice="carla")),
            policy=UNMUTE,
            microphone_is_open=False,
        )
    )


@pytest.mark.unmute("S6", "C3")
def test_the_greeting_needs_audio_as_well_as_instructions() -> None:
    holds(
        script(
            "",
            at(0.50, CHARACTER),
            nothing(until=30.0),
            at(30.0, microphone(0.08), prepare("reply_1", "item_1", KIND, user("Hello!"))),
            policy=UNMUTE,
            microphone_is_open=False,
        )
    )


@pytest.mark.unmute("S6", "S10")
def test_a_character_that_is_changed_later_does_not_greet_again() -> None:
    holds(script("", at(3.0, CHARACTER), nothing(until=8.0), given=GREETED, policy=UNMUTE))


# --- the end of a turn --------------------------------------------------------------------------------------------


@pytest.mark.unmute("S9", "C7")
def test_a_pause_at_061_and_not_at_059() -> None:
    holds(
        script(
            "",
            at(3.60, score(0.59)),
            at(3.68, score(0.60)),
            at(3.76, score(0.61), stopped("item_2"), RequestFlush(1)),
            at(3.84, score(0.95)),
            given=SPOKEN,
            policy=UNMUTE,
        )
    )


@pytest.mark.unmute("S9")
def test_a_pause_flushes_and_the_words_that_come_of_it_belong_to_the_turn() -> None:
    holds(
        script(
            "",
            at(3.70, pause, stopped("item_2"), RequestFlush(1)),
            at(3.78, word("Hello?"), user_word("item_2", "Hello?")),
            at(
                3.80,
                Flushed(1),
                TurnEndedNotice("item_2", "Well? Hello?", DETECTED),
                prepare("reply_2", "item_3", KIND, HELLO, GREETING, user("Well? Hello?")),
            ),
            given=SPOKEN,
            policy=UNMUTE,
        )
    )


@pytest.mark.unmute("S9")
def test_a_score_from_before_the_first_word_of_a_turn_does_not_end_it() -> None:
    """What Unmute resets its running score for. Here each score counts when it comes, and never again."""
    holds(
        script(
            "",
            at(2.96, score(0.99)),
            at(3.00, word("Well?"), started("item_2", WORD), user_word("item_2", "Well?")),
            at(3.04, score(0.50)),
            at(3.12, score(0.20)),
            at(3.50, word("Hello?"), user_word("item_2", "Hello?")),
            given=GREETED,
            policy=UNMUTE,
        )
    )


@pytest.mark.unmute("B13")
def test_speech_that_resumes_before_the_flush_is_answered_takes_the_pause_back() -> None:
    holds(
        script(
            "",
            at(3.78, score(0.39), started("item_2")),
            at(3.80, Flushed(1)),
            nothing(until=4.20),
            at(4.20, word("Hello?"), user_word("item_2", "Hello?")),
            at(4.40, pause, stopped("item_2"), RequestFlush(2)),
            at(
                4.50,
                Flushed(2),
                TurnEndedNotice("item_2", "Well? Hello?", DETECTED),
                prepare("reply_2", "item_3", KIND, HELLO, GREETING, user("Well? Hello?")),
            ),
            given=PAUSED,
            policy=UNMUTE,
        )
    )


@pytest.mark.unmute("B13")
def test_speech_that_resumes_before_the_reply_is_heard_cancels_it() -> None:
    holds(
        script(
            "",
            at(3.88, speech, CancelReply("reply_2", CancelCause.SPEECH_DETECTED, "", 0.0), started("item_4")),
            *answered("reply_2", "One two three four.", 4.0),
            at(4.20, word("Hello?"), user_word("item_4", "Hello?")),
            at(4.40, pause, stopped("item_4"), RequestFlush(2)),
            at(
                4.50,
                Flushed(2),
                TurnEndedNotice("item_4", "Hello?", DETECTED),
                prepare("reply_3", "item_5", KIND, HELLO, GREETING, user("Well? Hello?")),
            ),
            given=ASKED,
            policy=UNMUTE,
        )
    )


@pytest.mark.unmute("B13")
def test_so_does_a_word_that_comes_late() -> None:
    holds(
        script(
            "",
            at(
                3.88,
                word("Hello?"),
                CancelReply("reply_2", CancelCause.WORD_RECOGNIZED, "", 0.0),
                started("item_4", WORD),
                user_word("item_4", "Hello?"),
            ),
            at(3.96, pause, stopped("item_4"), RequestFlush(2)),
            at(
                4.06,
                Flushed(2),
                TurnEndedNotice("item_4", "Hello?", DETECTED),
                prepare("reply_3", "item_5", KIND, HELLO, GREETING, user("Well? Hello?")),
            ),
            given=ASKED,
            policy=UNMUTE,
        )
    )


@pytest.mark.unmute("B13")
def test_when_it_was_only_noise_the_answer_is_given_after_all() -> None:
    holds(
        script(
            "",
            at(3.88, speech, CancelReply("reply_2", CancelCause.SPEECH_DETECTED, "", 0.0), started("item_4")),
            at(4.04, pause, stopped("item_4"), RequestFlush(2)),
            at(
                4.14,
                Flushed(2),
                TurnDiscardedNotice("item_4"),
                prepare("reply_3", "item_5", KIND, HELLO, GREETING, user("Well?")),
            ),
            given=ASKED,
            policy=UNMUTE,
        )
    )


# --- barge-in -----------------------------------------------------------------------------------------------------


@pytest.mark.unmute("S9", "C7")
def test_a_barge_in_at_039_and_not_at_041() -> None:
    holds(
        script(
            "",
            at(4.50, score(0.41)),
            at(4.58, score(0.40)),
            at(
                4.66,
                score(0.39),
                CancelReply("reply_2", CancelCause.SPEECH_DETECTED, "One", 0.66),
                started("item_4"),
            ),
            given=TOLD,
            policy=UNMUTE,
            unseen=PLAYING,
        )
    )


@pytest.mark.unmute("S9")
def test_a_word_interrupts_without_detected_speech_and_is_told_after_the_interruption() -> None:
    holds(
        script(
            "",
            at(
                4.66,
                word("Wait."),
                CancelReply("reply_2", CancelCause.WORD_RECOGNIZED, "One", 0.66),
                started("item_4", WORD),
                user_word("item_4", "Wait."),
            ),
            nothing(until=60.0),
            given=TOLD,
            policy=UNMUTE,
            unseen=PLAYING,
        )
    )


LATE_GREETING = (at(0.1, CHARACTER), *answered("reply_1", "One two three four five six seven eight nine ten.", 20.0))
"""The greeting took twenty seconds to be prepared, and takes five to be heard."""


@pytest.mark.unmute("S9", "C7", "B14")
def test_detected_speech_does_not_interrupt_the_first_reply_until_three_seconds_of_it_were_heard() -> None:
    holds(
        script(
            "",
            at(20.10, speech),
            at(22.99, speech),
            at(
                23.01,
                speech,
                CancelReply("reply_1", CancelCause.SPEECH_DETECTED, "One two three four five six", 3.01),
                started("item_2"),
            ),
            given=LATE_GREETING,
            policy=UNMUTE,
            unseen=PLAYING,
        )
    )


@pytest.mark.unmute("S9", "B14")
def test_nor_the_greeting_before_it_is_heard() -> None:
    holds(
        script(
            "",
            at(0.50, speech),
            at(9.00, audio("reply_1", 0.16), release("reply_1", 0.0, 0.16)),
            given=[at(0.1, CHARACTER)],
            policy=UNMUTE,
            unseen=[PrepareReply],
        )
    )


@pytest.mark.unmute("S9", "B14")
def test_a_word_interrupts_the_first_reply_at_any_time() -> None:
    holds(
        script(
            "",
            at(
                20.6,
                word("Wait."),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "One", 0.6),
                started("item_2", WORD),
                user_word("item_2", "Wait."),
            ),
            given=LATE_GREETING,
            policy=UNMUTE,
            unseen=PLAYING,
        )
    )


@pytest.mark.unmute("B9")
def test_a_reply_can_be_interrupted_from_the_moment_it_is_decided() -> None:
    """Nothing has been heard of it, or even of the model, and whatever still comes of it is known by its id."""
    holds(
        script(
            "",
            at(3.80, word("Hello?"), user_word("item_2", "Hello?")),
            at(
                3.80,
                Flushed(1),
                TurnEndedNotice("item_2", "Well? Hello?", DETECTED),
                prepare("reply_2", "item_3", KIND, HELLO, GREETING, user("Well? Hello?")),
            ),
            at(
                3.80,
                word("There?"),
                CancelReply("reply_2", CancelCause.WORD_RECOGNIZED, "", 0.0),
                started("item_4", WORD),
                user_word("item_4", "There?"),
            ),
            at(3.90, ReplyTextArrived("reply_2", " One")),
            at(3.90, audio("reply_2", 2.0)),
            at(3.90, ReplyTextCompleted("reply_2")),
            given=PAUSED,
            policy=UNMUTE,
        )
    )


# --- the playing of a reply ---------------------------------------------------------------------------------------


@pytest.mark.unmute("S9", "B15")
def test_due_audio_is_released_by_a_timer_at_most_four_frames_ahead() -> None:
    holds(
        script(
            "",
            at(4.00, audio("reply_2", 0.56), release("reply_2", 0.00, 0.32)),
            due(4.08, release("reply_2", 0.32, 0.08)),
            due(4.16, release("reply_2", 0.40, 0.08)),
            due(4.24, release("reply_2", 0.48, 0.08)),
            nothing(until=60.0),
            given=ASKED,
            policy=UNMUTE,
        )
    )


@pytest.mark.unmute("B16")
def test_what_is_due_at_the_same_time_comes_in_order() -> None:
    holds(
        script(
            "",
            due(
                4.16,
                release("reply_2", 0.40, 0.08),
                ReplyWordNotice("reply_2", "two", 0.16, 0.3),
                ReplyWordNotice("reply_2", "an", 0.16, 0.3),
                ReplyWordNotice("reply_2", "at", 0.16, 0.3),
            ),
            given=(
                *ASKED,
                *(at(3.9, ReplyWordTimed("reply_2", text, 0.16, 0.3)) for text in ("two", "an", "at")),
                at(4.0, audio("reply_2", 0.48)),
                time_passes(until=4.1),
            ),
            policy=UNMUTE,
        )
    )


@pytest.mark.unmute("B8")
def test_a_reply_without_words_ends_the_turn_and_the_silence_clock_runs() -> None:
    holds(
        script(
            "",
            at(
                4.00,
                ReplyTextCompleted("reply_2"),
                ReplyTextDoneNotice("reply_2", ""),
                ReplyReleasedNotice("reply_2", "", 0.0),
                ReplyFinishedNotice("reply_2", ""),
            ),
            due(
                12.00,
                stopped("item_4", SILENCE),
                TurnEndedNotice("item_4", "...", SILENCE),
                prepare("reply_3", "item_5", KIND, HELLO, GREETING, user("Well?")),
            ),
            given=ASKED,
            policy=UNMUTE,
        )
    )


# --- silence ------------------------------------------------------------------------------------------------------

SILENCE_IS_BROKEN = prepare("reply_2", "item_3", KIND, HELLO, GREETING, user("..."))


@pytest.mark.unmute("S9", "C9")
def test_a_silence_is_broken_eight_seconds_after_audio_done_and_speech_stops_without_having_started() -> None:
    """Seven seconds in *waiting*, which begins a second after the release, which is `response.audio.done`."""
    holds(
        script(
            "",
            due(1.68, ReplyReleasedNotice("reply_1", "Hello there!", 1.0)),
            due(2.00, ReplyFinishedNotice("reply_1", "Hello there!")),
            due(9.68, stopped("item_2", SILENCE), TurnEndedNotice("item_2", "...", SILENCE), SILENCE_IS_BROKEN),
            given=GREETED[:-1],
            policy=UNMUTE,
            unseen=PLAYING,
        )
    )


@pytest.mark.unmute("B29")
def test_a_muted_client_that_sends_nothing_is_silent_too() -> None:
    holds(
        script(
            "",
            due(9.68, stopped("item_2", SILENCE), TurnEndedNotice("item_2", "...", SILENCE), SILENCE_IS_BROKEN),
            given=(at(0.0, microphone(9.68)), *GREETED),
            policy=UNMUTE,
            microphone_is_open=False,
        )
    )


@pytest.mark.unmute("B29")
def test_a_client_that_is_muted_in_the_middle_of_its_turn_has_ended_it() -> None:
    holds(
        script(
            "",
            at(3.60, microphone(0.6)),
            due(4.60, SpeechStoppedNotice("item_2", 3.6, DETECTED), RequestFlush(1)),
            at(
                4.70,
                Flushed(1),
                TurnEndedNotice("item_2", "Well?", DETECTED),
                prepare("reply_2", "item_3", KIND, HELLO, GREETING, user("Well?")),
            ),
            given=(at(0.0, microphone(1.0)), *GREETED, at(2.9, microphone(2.0)), *SPOKEN[-2:]),
            policy=UNMUTE,
            microphone_is_open=False,
        )
    )


# --- goodbye ------------------------------------------------------------------------------------------------------


@pytest.mark.unmute("S9", "C10", "B32")
def test_a_goodbye_ends_the_conversation_one_second_after_it_has_been_heard() -> None:
    """Not after it was released: until then there is still a lead to be heard."""
    holds(
        script(
            "",
            due(5.18, ReplyReleasedNotice("reply_2", "Well, good BYE!", 1.5)),
            due(5.50, ReplyFinishedNotice("reply_2", "Well, good BYE!")),
            due(6.50, EndConversation(EndCause.GOODBYE)),
            given=(*ASKED, *answered("reply_2", "Well, good BYE!", 4.0)),
            policy=UNMUTE,
            unseen=PLAYING,
        )
    )


def test_the_policy_is_unmutes() -> None:
    assert UNMUTE.greeting
    assert UNMUTE.goodbye
    assert (UNMUTE.silence_timeout, UNMUTE.settle_time, UNMUTE.uninterruptible_window) == (7.0, 1.0, 3.0)
    assert (UNMUTE.pause_threshold, UNMUTE.speech_threshold) == (0.6, 0.4)
    assert UNMUTE.pacing_lead == 0.32
    assert UNMUTE.confirmation_time == 0
    assert (UNMUTE.first_temperature, UNMUTE.temperature) == (0.7, 0.3)
    assert UNMUTE.goodbye_ending == "bye!"
