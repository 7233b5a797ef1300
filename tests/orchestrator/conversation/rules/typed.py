"""Turns that are typed."""

from orchestrator.conversation.actions import (
    CancelCause,
    CancelReply,
    ReplyHeldNotice,
    RequestFlush,
    TurnDiscardedNotice,
    TurnEndedNotice,
)
from orchestrator.conversation.events import Flushed, UserTyped
from tests.orchestrator.conversation.notation import (
    ASKED,
    HEARING,
    INTERRUPTIBLE,
    TYPED,
    WORD,
    assistant,
    pause,
    prepare,
    speech,
    started,
    stopped,
    user,
    user_word,
    word,
)
from tests.orchestrator.conversation.script import Rule, at, nothing, script

TYPING = Rule(
    "Typed turns",
    "A typed turn is complete: it is answered at once, and cuts short whatever either side was saying.",
    (
        script(
            "It is answered, without a microphone too",
            at(
                0.50,
                UserTyped("Hi."),
                TurnEndedNotice("item_1", "Hi.", TYPED),
                prepare("reply_1", "item_2", user("Hi.")),
            ),
            nothing(until=60.0),
            microphone_is_open=False,
        ),
        script(
            "An id that the client gave is kept, and takes none of ours",
            at(
                0.50,
                UserTyped("Hi.", item_id="mine"),
                TurnEndedNotice("mine", "Hi.", TYPED),
                prepare("reply_1", "item_1", user("Hi.")),
            ),
        ),
        script(
            "It cancels a reply in preparation, and both turns are answered together",
            at(
                1.50,
                UserTyped("Hello?"),
                CancelReply("reply_1", CancelCause.TYPED, "", 0.0),
                TurnEndedNotice("item_3", "Hello?", TYPED),
                prepare("reply_2", "item_4", user("Well? Hello?")),
            ),
            given=ASKED,
        ),
        script(
            "It cancels a reply that is heard, protected or not",
            at(
                2.60,
                UserTyped("Stop."),
                CancelReply("reply_1", CancelCause.TYPED, "One", 0.6),
                TurnEndedNotice("item_3", "Stop.", TYPED),
                prepare("reply_2", "item_4", user("Well?"), assistant("One"), user("Stop.")),
            ),
            nothing(until=60.0),
            given=HEARING,
        ),
        script(
            "It ends a turn that is being spoken, and both are answered",
            at(1.00, speech, started("item_1")),
            at(1.50, word("Hello"), user_word("item_1", "Hello")),
            at(
                1.60,
                UserTyped("world."),
                TurnEndedNotice("item_1", "Hello", TYPED),
                TurnEndedNotice("item_2", "world.", TYPED),
                prepare("reply_1", "item_3", user("Hello world.")),
            ),
        ),
        script(
            "It does not wait for the last words of a turn that has paused; their answer then means nothing",
            at(1.00, speech, started("item_1")),
            at(1.50, word("Hello"), user_word("item_1", "Hello")),
            at(1.55, pause, stopped("item_1"), RequestFlush(1)),
            at(
                1.60,
                UserTyped("world."),
                TurnEndedNotice("item_1", "Hello", TYPED),
                TurnEndedNotice("item_2", "world.", TYPED),
                prepare("reply_1", "item_3", user("Hello world.")),
            ),
            at(1.65, Flushed(1)),
            nothing(until=60.0),
        ),
        script(
            "It cancels a reply that noise is holding, and ends the noise's turn",
            at(2.60, speech, ReplyHeldNotice("reply_1", 0.6), started("item_3")),
            at(
                3.20,
                UserTyped("Stop."),
                CancelReply("reply_1", CancelCause.TYPED, "One", 0.88),
                TurnDiscardedNotice("item_3"),
                TurnEndedNotice("item_4", "Stop.", TYPED),
                prepare("reply_2", "item_5", user("Well?"), assistant("One"), user("Stop.")),
            ),
            nothing(until=60.0),
            given=HEARING,
            policy=INTERRUPTIBLE,
        ),
        script(
            "A turn without a word is forgotten, and its noise may not speak over the answer",
            at(1.00, speech, started("item_1")),
            at(
                1.60,
                UserTyped("Hi."),
                TurnDiscardedNotice("item_1"),
                TurnEndedNotice("item_2", "Hi.", TYPED),
                prepare("reply_1", "item_3", user("Hi.")),
            ),
            at(1.68, speech),
            at(1.80, pause),
            at(1.88, speech, started("item_4")),
            policy=INTERRUPTIBLE,
        ),
        script(
            "A word that lags behind takes the floor back",
            at(1.00, speech, started("item_1")),
            at(
                1.60,
                UserTyped("Hi."),
                TurnDiscardedNotice("item_1"),
                TurnEndedNotice("item_2", "Hi.", TYPED),
                prepare("reply_1", "item_3", user("Hi.")),
            ),
            at(
                1.70,
                word("Hello"),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "", 0.0),
                started("item_4", WORD),
                user_word("item_4", "Hello"),
            ),
        ),
    ),
)
