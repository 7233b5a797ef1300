"""When nobody says anything."""

from orchestrator.conversation import Policy
from orchestrator.conversation.actions import (
    CancelCause,
    CancelReply,
    ReplyFinishedNotice,
    ReplyReleasedNotice,
    RequestFlush,
    TurnDiscardedNotice,
    TurnEndedNotice,
    WarnOfLostVoice,
)
from orchestrator.conversation.events import Flushed, ReplyAudioFailed
from tests.orchestrator.conversation.notation import (
    ANSWERED,
    ASKED,
    DETECTED,
    PLAYING,
    SILENCE,
    WORD,
    answered,
    assistant,
    microphone,
    pause,
    prepare,
    speech,
    started,
    stopped,
    user,
    user_word,
    word,
)
from tests.orchestrator.conversation.script import Rule, at, due, nothing, script, time_passes

IMPATIENT = Policy(silence_timeout=7.0)
TO_SILENCE = (user("Well?"), assistant("One two three four."), user("..."))
OVER = (*ANSWERED, time_passes(until=5.0))
"""The reply was released at 3.68 and finished at 4.00; the silence clock has run since 4.68."""

SILENT = Rule(
    "A long silence",
    'After a silence of 7 s, if the session asks for that, the person is taken to have said "...", and the model '
    "speaks again. The silence begins 1 s after the last audio of the reply was released, or when it has been heard.",
    (
        script(
            "The silence is broken 8 s after the reply was released",
            due(3.68, ReplyReleasedNotice("reply_1", "One two three four.", 2.0)),
            due(4.00, ReplyFinishedNotice("reply_1", "One two three four.")),
            due(
                11.68,
                stopped("item_3", SILENCE),
                TurnEndedNotice("item_3", "...", SILENCE),
                prepare("reply_2", "item_4", *TO_SILENCE),
            ),
            nothing(until=60.0),
            given=ANSWERED,
            policy=IMPATIENT,
            unseen=PLAYING,
        ),
        script(
            "By default it never is",
            nothing(until=3600.0),
            given=OVER,
        ),
        script(
            "Nor is the silence before anybody has spoken",
            nothing(until=3600.0),
            policy=IMPATIENT,
        ),
        script(
            "Nor that of a model which thinks for long",
            nothing(until=3600.0),
            given=ASKED,
            policy=IMPATIENT,
        ),
        script(
            "Noise starts the silence anew",
            at(11.00, speech, started("item_3")),
            at(11.50, pause, stopped("item_3"), RequestFlush(2)),
            at(11.60, Flushed(2), TurnDiscardedNotice("item_3")),
            due(
                18.60,
                stopped("item_4", SILENCE),
                TurnEndedNotice("item_4", "...", SILENCE),
                prepare("reply_2", "item_5", *TO_SILENCE),
            ),
            given=OVER,
            policy=IMPATIENT,
        ),
        script(
            "A turn of any length is not silence",
            at(11.00, word("Wait."), started("item_3", WORD), user_word("item_3", "Wait.")),
            nothing(until=60.0),
            at(60.00, pause, stopped("item_3"), RequestFlush(2)),
            at(
                60.10,
                Flushed(2),
                TurnEndedNotice("item_3", "Wait.", DETECTED),
                prepare("reply_2", "item_4", user("Well?"), assistant("One two three four."), user("Wait.")),
            ),
            nothing(until=120.0),
            given=OVER,
            policy=IMPATIENT,
        ),
        script(
            "A second silence is the same silence, unless the model was heard in between",
            at(
                12.00,
                ReplyAudioFailed("reply_2", lasting=True),
                WarnOfLostVoice("reply_2"),
                CancelReply("reply_2", CancelCause.FAILED, "", 0.0),
            ),
            due(
                19.00,
                stopped("item_5", SILENCE),
                TurnEndedNotice("item_5", "...", SILENCE),
                prepare("reply_3", "item_6", *TO_SILENCE),
            ),
            given=(*ANSWERED, time_passes(until=11.7)),
            policy=IMPATIENT,
        ),
        script(
            "A muted microphone does not stop the clock",
            due(
                11.68,
                lambda _now: stopped("item_3", SILENCE)(4.0),
                TurnEndedNotice("item_3", "...", SILENCE),
                prepare("reply_2", "item_4", *TO_SILENCE),
            ),
            given=(at(0.0, microphone(4.0)), *OVER),
            policy=IMPATIENT,
            microphone_is_open=False,
        ),
        script(
            "A reply sent far ahead must have been heard before the silence begins",
            due(3.50, ReplyReleasedNotice("reply_1", "One two three four.", 2.0)),
            due(4.00, ReplyFinishedNotice("reply_1", "One two three four.")),
            due(
                11.00,
                stopped("item_3", SILENCE),
                TurnEndedNotice("item_3", "...", SILENCE),
                prepare("reply_2", "item_4", *TO_SILENCE),
            ),
            given=ANSWERED,
            policy=Policy(silence_timeout=7.0, pacing_lead=2.0, settle_time=0.3),
            unseen=PLAYING,
        ),
        script(
            "A reply that fails while the person speaks does not start the clock",
            at(1.60, speech, started("item_3")),
            at(
                1.70,
                ReplyAudioFailed("reply_1", lasting=True),
                WarnOfLostVoice("reply_1"),
                CancelReply("reply_1", CancelCause.FAILED, "", 0.0),
            ),
            at(2.00, word("Wait."), user_word("item_3", "Wait.")),
            nothing(until=60.0),
            given=ASKED,
            policy=Policy(silence_timeout=7.0, uninterruptible_window=0.0),
        ),
        script(
            "The answer to a silence may be silence too",
            due(
                22.68,
                stopped("item_5", SILENCE),
                TurnEndedNotice("item_5", "...", SILENCE),
                prepare("reply_3", "item_6", *TO_SILENCE, assistant("Hello?"), user("...")),
            ),
            given=(*ANSWERED, time_passes(until=11.7), *answered("reply_2", "Hello?", 14.5), time_passes(until=16.0)),
            policy=IMPATIENT,
        ),
    ),
)
