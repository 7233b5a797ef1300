"""The session's first reply is protected for a while."""

from orchestrator.conversation import Policy
from orchestrator.conversation.actions import CancelCause, CancelReply, PrepareReply, ReplyHeldNotice
from orchestrator.conversation.events import Flushed, SessionConfigured
from tests.orchestrator.conversation.notation import (
    ASKED,
    PLAYING,
    WORD,
    answered,
    audio,
    microphone,
    pause,
    release,
    speech,
    started,
    user_word,
    word,
)
from tests.orchestrator.conversation.script import Rule, at, script

COUNTING = "One two three four five six seven eight nine ten."
"""Five seconds long."""

UNINTERRUPTIBLE = Rule(
    "The uninterruptible window",
    "Detected speech does not interrupt the session's first reply until 3 s of it have been heard: an echo canceller "
    "needs that time to learn. A word interrupts it at any time. Later replies are not protected, nor is an answer "
    "before its first audio.",
    (
        script(
            "Detected speech is ignored until 3 s of the first reply have been heard",
            at(2.10, speech),
            at(4.99, speech),
            at(5.01, speech, ReplyHeldNotice("reply_1", 3.01), started("item_3")),
            given=(*ASKED, *answered("reply_1", COUNTING, 2.0)),
            unseen=PLAYING,
        ),
        script(
            "At 3 s to the moment it may be interrupted",
            at(5.00, speech, ReplyHeldNotice("reply_1", 3.0), started("item_3")),
            given=(*ASKED, *answered("reply_1", COUNTING, 2.0)),
            unseen=PLAYING,
        ),
        script(
            "The window begins with the first audio, however late that comes",
            at(12.99, speech),
            at(13.01, speech, ReplyHeldNotice("reply_1", 3.01), started("item_3")),
            given=(*ASKED, *answered("reply_1", COUNTING, 10.0)),
            unseen=PLAYING,
        ),
        script(
            "Before its first audio an answer is not protected: there is no echo, and who has spoken may go on",
            at(1.60, speech, started("item_3")),
            at(2.00, audio("reply_1", 0.16)),
            at(
                2.10,
                word("Hello?"),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "", 0.0),
                user_word("item_3", "Hello?"),
            ),
            given=ASKED,
        ),
        script(
            "A greeting is: the first noise of a microphone must not cost it",
            at(0.10, SessionConfigured(instructions="Be kind.")),
            at(0.50, speech),
            at(0.90, audio("reply_1", 0.16), release("reply_1", 0.0, 0.16)),
            at(0.98, speech),
            given=[at(0.0, microphone(0.08))],
            policy=Policy(greeting=True),
            unseen=[PrepareReply],
        ),
        script(
            "A word interrupts it at any time",
            at(
                2.60,
                word("Wait."),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "One", 0.6),
                started("item_3", WORD),
                user_word("item_3", "Wait."),
            ),
            given=(*ASKED, *answered("reply_1", COUNTING, 2.0)),
            unseen=PLAYING,
        ),
        script(
            "Time in which nothing is heard does not count",
            at(7.03, speech),
            at(7.05, speech, ReplyHeldNotice("reply_1", 3.01), started("item_3")),
            given=(*ASKED, at(2.0, audio("reply_1", 0.96)), at(5.0, audio("reply_1", 4.0))),
            unseen=PLAYING,
        ),
        script(
            "The second reply is not protected",
            at(4.10, speech, ReplyHeldNotice("reply_2", 0.1), started("item_5")),
            given=(
                *ASKED,
                at(2.0, word("Hello?")),
                at(2.2, pause),
                at(2.3, Flushed(2)),
                *answered("reply_2", COUNTING, 4.0),
            ),
            unseen=PLAYING,
        ),
        script(
            "Nor does it protect a greeting",
            at(0.50, speech, started("item_2")),
            given=[at(0.0, microphone(0.08)), at(0.1, SessionConfigured(instructions="Be kind."))],
            policy=Policy(greeting=True, uninterruptible_window=0.0),
        ),
        script(
            "The shortest window protects a greeting before its first audio",
            at(0.50, speech),
            given=[at(0.0, microphone(0.08)), at(0.1, SessionConfigured(instructions="Be kind."))],
            policy=Policy(greeting=True, uninterruptible_window=0.001),
        ),
        script(
            "A window of 0 protects nothing",
            at(1.60, speech, started("item_3")),
            given=ASKED,
            policy=Policy(uninterruptible_window=0.0),
        ),
    ),
)
