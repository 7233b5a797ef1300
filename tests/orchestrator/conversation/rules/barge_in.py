"""When the person speaks over a reply."""

from orchestrator.conversation import Policy
from orchestrator.conversation.actions import (
    CancelCause,
    CancelReply,
    ReplyHeld,
    ReplyResumed,
    ReplyText,
    ReplyWord,
    RequestFlush,
    TurnDiscarded,
    TurnEnded,
)
from orchestrator.conversation.events import Flushed, ReplyAudioArrived, ReplyTextArrived, ReplyWordTimed
from tests.orchestrator.conversation.notation import (
    ANSWERED,
    ASKED,
    DETECTED,
    HEARING,
    INTERRUPTIBLE,
    PLAYING,
    WORD,
    answered,
    assistant,
    audio,
    pause,
    prepare,
    release,
    score,
    speech,
    started,
    stopped,
    user,
    user_word,
    word,
)
from tests.orchestrator.conversation.script import Rule, at, due, nothing, script, time_passes

WITH_CONFIRMATION = Rule(
    "Barge-in with confirmation",
    "Detected speech over a reply holds it at once: nothing more of it is sent. A word confirms that the person means "
    "it, and cancels the reply. A pause without words, or 1 s without a word, tells that it was nothing, and the reply "
    "resumes where it stopped; what made the noise must end before it may hold the reply again.",
    (
        script(
            "A word cancels the reply; what had been sent by the hold has been heard by then",
            at(2.60, speech, ReplyHeld("reply_1", 0.6), started("item_3")),
            at(
                3.10,
                word("Wait."),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "One", 0.88),
                user_word("item_3", "Wait."),
            ),
            at(3.30, pause, stopped("item_3"), RequestFlush(2)),
            at(
                3.40,
                Flushed(2),
                TurnEnded("item_3", "Wait.", DETECTED),
                prepare("reply_2", "item_4", user("Well?"), assistant("One"), user("Wait.")),
            ),
            given=HEARING,
            policy=INTERRUPTIBLE,
        ),
        script(
            "A pause without words resumes it; the listener ran dry, so that the lead is sent anew",
            at(2.60, speech, ReplyHeld("reply_1", 0.6), started("item_3")),
            at(2.80, pause, stopped("item_3"), RequestFlush(2)),
            at(
                2.90,
                Flushed(2),
                TurnDiscarded("item_3"),
                ReplyResumed("reply_1"),
                release("reply_1", 0.88, 0.32),
            ),
            due(2.98, release("reply_1", 1.20, 0.08)),
            given=HEARING,
            policy=INTERRUPTIBLE,
        ),
        script(
            "A reply that resumes before the listener ran dry is heard without a break",
            at(2.60, speech, ReplyHeld("reply_1", 0.6), started("item_3")),
            at(2.66, pause, stopped("item_3"), RequestFlush(2)),
            at(
                2.70,
                Flushed(2),
                TurnDiscarded("item_3"),
                ReplyResumed("reply_1"),
                release("reply_1", 0.88, 0.08),
            ),
            due(2.72, release("reply_1", 0.96, 0.08)),
            due(2.80, release("reply_1", 1.04, 0.08)),
            given=HEARING,
            policy=INTERRUPTIBLE,
        ),
        script(
            "After 1 s without a word it resumes, and only speech after a pause may hold it again",
            at(2.60, speech, ReplyHeld("reply_1", 0.6), started("item_3")),
            due(3.60, TurnDiscarded("item_3"), ReplyResumed("reply_1")),
            at(3.70, speech),
            at(3.78, score(0.50)),
            at(3.86, speech),
            at(3.94, pause),
            at(4.02, speech, ReplyHeld("reply_1", 1.3), started("item_4")),
            given=HEARING,
            policy=INTERRUPTIBLE,
            unseen=PLAYING,
        ),
        script(
            "A word that was not announced by detected speech cancels at once",
            at(
                2.60,
                word("Wait."),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "One", 0.6),
                started("item_3", WORD),
                user_word("item_3", "Wait."),
            ),
            nothing(until=60.0),
            given=HEARING,
            policy=INTERRUPTIBLE,
        ),
        script(
            "A word that comes after the pause cancels it too, and the flush ends the turn",
            at(2.60, speech, ReplyHeld("reply_1", 0.6), started("item_3")),
            at(2.80, pause, stopped("item_3"), RequestFlush(2)),
            at(
                2.85,
                word("Wait."),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "One", 0.85),
                user_word("item_3", "Wait."),
            ),
            at(
                2.90,
                Flushed(2),
                TurnEnded("item_3", "Wait.", DETECTED),
                prepare("reply_2", "item_4", user("Well?"), assistant("One"), user("Wait.")),
            ),
            given=HEARING,
            policy=INTERRUPTIBLE,
        ),
        script(
            "While a reply is held its words are told as far as they were sent",
            at(2.45, speech, ReplyHeld("reply_1", 0.45), started("item_3")),
            due(2.50, ReplyWord("reply_1", "two", 0.5, 1.0)),
            nothing(until=3.40),
            given=(*ANSWERED, time_passes(until=2.42)),
            policy=INTERRUPTIBLE,
        ),
    ),
)

BEFORE_IT_IS_HEARD = Rule(
    "Speaking before the reply does",
    "A reply that is still prepared is not held, for there is nothing to stop; it may get ready, but it waits for the "
    "floor. A word cancels it, and the reply that follows answers everything said.",
    (
        script(
            "It gets ready, waits, and begins when the noise turns out to be nothing",
            at(1.60, speech, started("item_3")),
            at(1.80, ReplyTextArrived("reply_1", " One."), ReplyText("reply_1", " One.")),
            at(1.90, ReplyWordTimed("reply_1", "One.", 0.0, 0.3)),
            at(1.90, audio("reply_1", 0.16)),
            at(2.20, pause, stopped("item_3"), RequestFlush(2)),
            at(
                2.30,
                Flushed(2),
                TurnDiscarded("item_3"),
                release("reply_1", 0.0, 0.16),
                ReplyWord("reply_1", "One.", 0.0, 0.3),
            ),
            given=ASKED,
            policy=INTERRUPTIBLE,
        ),
        script(
            "Without a word it begins after 1 s at the latest",
            at(1.60, speech, started("item_3")),
            at(1.90, audio("reply_1", 0.16)),
            due(2.60, TurnDiscarded("item_3"), release("reply_1", 0.0, 0.16)),
            given=ASKED,
            policy=INTERRUPTIBLE,
        ),
        script(
            "A word cancels a reply in preparation: one answer is given to both turns",
            at(1.60, speech, started("item_3")),
            at(
                2.00,
                word("Hello?"),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "", 0.0),
                user_word("item_3", "Hello?"),
            ),
            at(2.20, pause, stopped("item_3"), RequestFlush(2)),
            at(
                2.30,
                Flushed(2),
                TurnEnded("item_3", "Hello?", DETECTED),
                prepare("reply_2", "item_4", user("Well? Hello?")),
            ),
            given=ASKED,
            policy=INTERRUPTIBLE,
        ),
        script(
            "So does a word that comes after the pause",
            at(1.60, speech, started("item_3")),
            at(1.80, pause, stopped("item_3"), RequestFlush(2)),
            at(
                1.85,
                word("Hello?"),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "", 0.0),
                user_word("item_3", "Hello?"),
            ),
            given=ASKED,
            policy=INTERRUPTIBLE,
        ),
        script(
            "A word cancels a reply that is ready, and nothing of it is heard",
            at(1.60, speech, started("item_3")),
            at(1.90, audio("reply_1", 0.16)),
            at(
                2.00,
                word("Hello?"),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "", 0.0),
                user_word("item_3", "Hello?"),
            ),
            nothing(until=60.0),
            given=ASKED,
            policy=INTERRUPTIBLE,
        ),
    ),
)

AT_ONCE = Policy(confirmation_time=0.0, uninterruptible_window=0.0)

WITHOUT_CONFIRMATION = Rule(
    "Barge-in without confirmation",
    "With a confirmation time of 0 detected speech cancels a reply at once. Nothing of it follows: what still arrives "
    "for a dead reply is ignored.",
    (
        script(
            "Detected speech cancels the reply",
            at(2.60, speech, CancelReply("reply_1", CancelCause.SPEECH_DETECTED, "One", 0.6), started("item_3")),
            at(3.00, word("Wait."), user_word("item_3", "Wait.")),
            at(3.20, pause, stopped("item_3"), RequestFlush(2)),
            at(
                3.30,
                Flushed(2),
                TurnEnded("item_3", "Wait.", DETECTED),
                prepare("reply_2", "item_4", user("Well?"), assistant("One"), user("Wait.")),
            ),
            given=HEARING,
            policy=AT_ONCE,
        ),
        script(
            "It cancels a reply in preparation too",
            at(1.60, speech, CancelReply("reply_1", CancelCause.SPEECH_DETECTED, "", 0.0), started("item_3")),
            given=ASKED,
            policy=AT_ONCE,
        ),
        script(
            "A noise cancels as well: the turn is forgotten, the reply gone",
            at(2.60, speech, CancelReply("reply_1", CancelCause.SPEECH_DETECTED, "One", 0.6), started("item_3")),
            at(2.80, pause, stopped("item_3"), RequestFlush(2)),
            at(2.90, Flushed(2), TurnDiscarded("item_3")),
            nothing(until=60.0),
            given=HEARING,
            policy=AT_ONCE,
        ),
        script(
            "Nothing of a dead reply follows",
            at(1.60, speech, CancelReply("reply_1", CancelCause.SPEECH_DETECTED, "", 0.0), started("item_3")),
            *answered("reply_1", "One two.", 2.0),
            at(2.10, ReplyAudioArrived("reply_99", 1920)),
            given=ASKED,
            policy=AT_ONCE,
        ),
    ),
)
