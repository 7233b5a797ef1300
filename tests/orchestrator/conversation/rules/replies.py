"""Replies of other kinds than the ordinary, and events about replies that are no more."""

from orchestrator.conversation import Policy
from orchestrator.conversation.actions import (
    CancelCause,
    CancelReply,
    ReplyFinishedNotice,
    ReplyReleasedNotice,
    ReplyTextDoneNotice,
    ReplyTextNotice,
    ReplyWordNotice,
    TurnDiscardedNotice,
    TurnEndedNotice,
)
from orchestrator.conversation.events import (
    ReplyAudioCompleted,
    ReplyAudioFailed,
    ReplyTextArrived,
    ReplyTextCompleted,
    ReplyTextFailed,
    ReplyWordTimed,
    UserTyped,
)
from tests.orchestrator.conversation.notation import (
    ANSWERED,
    ASKED,
    PLAYING,
    SILENCE,
    TYPED,
    WORD,
    assistant,
    audio,
    prepare,
    release,
    speech,
    started,
    stopped,
    user,
    user_word,
    word,
)
from tests.orchestrator.conversation.script import Rule, at, due, nothing, script

READ = Policy(spoken=False, silence_timeout=7.0, uninterruptible_window=0.0)
READING = (
    at(1.00, UserTyped("Hi.")),
    at(1.10, ReplyTextArrived("reply_1", " Hello")),
)
"""A typed turn, item_1, is answered by reply_1 (item_2), of which " Hello" has been read."""

TEXT_ONLY = Rule(
    "Text-only replies",
    "A session may ask for replies as text. They are over as soon as they are written, and what was written has been "
    "read.",
    (
        script(
            "The reply is over when it is written; then the silence begins",
            at(
                1.00,
                UserTyped("Hi."),
                TurnEndedNotice("item_1", "Hi.", TYPED),
                prepare("reply_1", "item_2", user("Hi."), spoken=False),
            ),
            at(1.10, ReplyTextArrived("reply_1", " Hello"), ReplyTextNotice("reply_1", " Hello")),
            at(1.20, ReplyTextArrived("reply_1", " you."), ReplyTextNotice("reply_1", " you.")),
            at(
                1.30,
                ReplyTextCompleted("reply_1"),
                ReplyTextDoneNotice("reply_1", " Hello you."),
                ReplyReleasedNotice("reply_1", "Hello you.", 0.0),
                ReplyFinishedNotice("reply_1", "Hello you."),
            ),
            due(
                9.30,
                stopped("item_3", SILENCE),
                TurnEndedNotice("item_3", "...", SILENCE),
                prepare("reply_2", "item_4", user("Hi."), assistant("Hello you."), user("..."), spoken=False),
            ),
            policy=READ,
        ),
        script(
            "What was written before an interruption has been read",
            at(
                1.20,
                UserTyped("Stop."),
                CancelReply("reply_1", CancelCause.TYPED, "Hello", 0.0),
                TurnEndedNotice("item_3", "Stop.", TYPED),
                prepare("reply_2", "item_4", user("Hi."), assistant("Hello"), user("Stop."), spoken=False),
            ),
            given=READING,
            policy=READ,
        ),
        script(
            "Written while the person has the floor, it is over when they turn out to have said nothing",
            at(1.20, speech, started("item_3")),
            at(1.30, ReplyTextCompleted("reply_1"), ReplyTextDoneNotice("reply_1", " Hello")),
            due(
                4.20,
                TurnDiscardedNotice("item_3"),
                ReplyReleasedNotice("reply_1", "Hello", 0.0),
                ReplyFinishedNotice("reply_1", "Hello"),
            ),
            given=READING,
            policy=READ,
        ),
    ),
)

WORDLESS = Rule(
    "Wordless replies",
    "A model that writes nothing has answered: its reply ends there, nothing of it is remembered, and it is the "
    "person's turn.",
    (
        script(
            "A reply without words ends at once, and the silence clock starts",
            at(
                1.50,
                ReplyTextCompleted("reply_1"),
                ReplyTextDoneNotice("reply_1", ""),
                ReplyReleasedNotice("reply_1", "", 0.0),
                ReplyFinishedNotice("reply_1", ""),
            ),
            due(
                9.50,
                stopped("item_3", SILENCE),
                TurnEndedNotice("item_3", "...", SILENCE),
                prepare("reply_2", "item_4", user("Well?")),
            ),
            given=ASKED,
            policy=Policy(silence_timeout=7.0),
        ),
        script(
            "Blanks are not words",
            at(1.50, ReplyTextArrived("reply_1", " "), ReplyTextNotice("reply_1", " ")),
            at(
                1.60,
                ReplyTextCompleted("reply_1"),
                ReplyTextDoneNotice("reply_1", " "),
                ReplyReleasedNotice("reply_1", "", 0.0),
                ReplyFinishedNotice("reply_1", ""),
            ),
            given=ASKED,
        ),
        script(
            "Words without any sound have been said when it is known that there is none",
            at(1.50, ReplyTextArrived("reply_1", " Hm."), ReplyTextNotice("reply_1", " Hm.")),
            at(1.50, ReplyTextCompleted("reply_1"), ReplyTextDoneNotice("reply_1", " Hm.")),
            at(
                1.60,
                ReplyAudioCompleted("reply_1"),
                ReplyReleasedNotice("reply_1", "Hm.", 0.0),
                ReplyFinishedNotice("reply_1", "Hm."),
            ),
            given=ASKED,
        ),
        script(
            "Like any other reply, they wait for the floor",
            at(1.60, speech, started("item_3")),
            at(1.70, ReplyWordTimed("reply_1", "Hm.", 0.0, 0.2)),
            at(1.80, ReplyAudioCompleted("reply_1")),
            nothing(until=4.50),
            due(
                4.60,
                TurnDiscardedNotice("item_3"),
                ReplyWordNotice("reply_1", "Hm.", 0.0, 0.2),
                ReplyReleasedNotice("reply_1", "Hm.", 0.0),
                ReplyFinishedNotice("reply_1", "Hm."),
            ),
            given=ASKED,
            policy=Policy(uninterruptible_window=0.0),
        ),
    ),
)

DEAD = Rule(
    "Replies that are no more",
    "What arrives for a reply that was cancelled or has finished is ignored.",
    (
        script(
            "Every event about a cancelled reply is ignored",
            at(
                2.10,
                word("Wait."),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "", 0.1),
                started("item_3", WORD),
                user_word("item_3", "Wait."),
            ),
            at(2.20, ReplyTextArrived("reply_1", " five")),
            at(2.20, ReplyTextCompleted("reply_1")),
            at(2.20, audio("reply_1", 2.0)),
            at(2.20, ReplyWordTimed("reply_1", "five", 2.0, 2.5)),
            at(2.20, ReplyAudioCompleted("reply_1")),
            at(2.20, ReplyTextFailed("reply_1")),
            at(2.20, ReplyAudioFailed("reply_1")),
            nothing(until=60.0),
            given=ANSWERED,
            unseen=PLAYING,
        ),
        script(
            "Every event about a finished reply is ignored",
            due(3.68, ReplyReleasedNotice("reply_1", "One two three four.", 2.0)),
            due(4.00, ReplyFinishedNotice("reply_1", "One two three four.")),
            at(4.20, audio("reply_1", 2.0)),
            at(4.20, ReplyTextFailed("reply_1")),
            at(4.20, ReplyAudioFailed("reply_1")),
            nothing(until=60.0),
            given=ANSWERED,
            unseen=PLAYING,
        ),
        script(
            "So it is when another reply is alive",
            at(1.60, audio("reply_1", 2.0)),
            at(1.60, ReplyTextFailed("reply_1")),
            at(1.70, audio("reply_2", 0.16), release("reply_2", 0.0, 0.16)),
            at(1.80, ReplyAudioCompleted("reply_1")),
            nothing(until=60.0),
            given=(*ASKED, at(1.5, UserTyped("Hello?"))),
        ),
        script(
            "Nor is there anything to do for a reply that never was",
            at(1.00, audio("reply_7", 2.0)),
            at(1.00, ReplyTextFailed("reply_7")),
            nothing(until=60.0),
        ),
    ),
)
