"""What is remembered of a reply that was cut short: the words that can have been heard to their end."""

from collections.abc import Sequence

from orchestrator.conversation.actions import CancelCause, CancelReply, ReplyHeldNotice, TurnEndedNotice
from orchestrator.conversation.events import ReplyWordTimed, UserTyped
from tests.orchestrator.conversation.notation import (
    ANSWERED,
    ASKED,
    INTERRUPTIBLE,
    PLAYING,
    TYPED,
    WORD,
    assistant,
    audio,
    prepare,
    speech,
    started,
    user,
    user_word,
    word,
)
from tests.orchestrator.conversation.script import Row, Rule, Script, at, script, time_passes


def _cut(title: str, time: float, heard_text: str, heard: float, *, given: Sequence[Row] = ANSWERED) -> Script:
    return script(
        title,
        at(
            time,
            word("Wait."),
            CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, heard_text, heard),
            started("item_3", WORD),
            user_word("item_3", "Wait."),
        ),
        given=given,
        unseen=PLAYING,
    )


BROKEN_OFF = (
    *ASKED,
    *(at(2.0, ReplyWordTimed("reply_1", text, start, start + 0.5)) for start, text in ((0.0, "One"), (0.5, "two"))),
    at(2.0, audio("reply_1", 0.4)),
)
"""0.4 s of a reply, in which there is no whole word."""

HEARD = Rule(
    "Heard words",
    "Of a reply that was cut short, the model is shown only the words the person can have heard to their end.",
    (
        _cut("Cut in the first word: nothing", 2.49, "", 0.49),
        _cut("Cut after the first word", 2.51, "One", 0.51),
        _cut("Cut in the third word", 3.40, "One two", 1.40),
        _cut(
            "Cut in the last word, when all was sent already",
            3.90,
            "One two three",
            1.90,
            given=(*ANSWERED, time_passes(until=3.80)),
        ),
        _cut("Cut when the listener ran dry", 2.90, "", 0.40, given=BROKEN_OFF),
        _cut(
            "Cut after the listener ran dry: that time does not count",
            3.20,
            "One",
            0.60,
            given=(*BROKEN_OFF, at(3.0, audio("reply_1", 0.6))),
        ),
        script(
            "Held in the first word, cancelled a second later: what was sent by then is heard, and no more",
            at(2.30, speech, ReplyHeldNotice("reply_1", 0.3), started("item_3")),
            at(
                3.20,
                word("Wait."),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "One", 0.56),
                user_word("item_3", "Wait."),
            ),
            given=ANSWERED,
            policy=INTERRUPTIBLE,
            unseen=PLAYING,
        ),
        script(
            "Cut by a typed turn",
            at(
                3.10,
                UserTyped("Stop it."),
                CancelReply("reply_1", CancelCause.TYPED, "One two", 1.1),
                TurnEndedNotice("item_3", "Stop it.", TYPED),
                prepare("reply_2", "item_4", user("Well?"), assistant("One two"), user("Stop it.")),
            ),
            given=ANSWERED,
            unseen=PLAYING,
        ),
    ),
)
