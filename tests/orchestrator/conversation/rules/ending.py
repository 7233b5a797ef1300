"""How a conversation ends."""

from orchestrator.conversation import Policy
from orchestrator.conversation.actions import (
    CancelCause,
    CancelReply,
    EndCause,
    EndConversation,
    ReplyFinished,
    ReplyHeld,
    ReplyReleased,
    ReplyResumed,
    RequestFlush,
    TurnDiscarded,
    TurnEnded,
)
from orchestrator.conversation.events import FinishRequested, Flushed, UserTyped
from tests.orchestrator.conversation.notation import (
    ANSWERED,
    ASKED,
    DETECTED,
    HEARING,
    INTERRUPTIBLE,
    PLAYING,
    TYPED,
    WORD,
    answered,
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
from tests.orchestrator.conversation.script import Rule, at, due, nothing, script, time_passes

POLITE = Policy(goodbye=True, silence_timeout=7.0)
FAREWELL = (*ASKED, *answered("reply_1", "Well, good bye!", 2.0))
"""The person is being told "Well, good bye!"; the last audio is sent at 3.18 and has been heard at 3.50."""

LEAVING = (*FAREWELL, time_passes(until=3.6))
FINISH = FinishRequested()

GOODBYE = Rule(
    "Goodbye",
    'A reply that ends with "bye!", in any case of letters, ends the conversation if the session wants that, 1 s after '
    "its last audio was released. If the person speaks or types before, the conversation goes on.",
    (
        script(
            "The conversation ends 1 s after the last audio was released, and nothing happens any more",
            due(3.18, ReplyReleased("reply_1", "Well, good bye!", 1.5)),
            due(3.50, ReplyFinished("reply_1", "Well, good bye!")),
            due(4.18, EndConversation(EndCause.GOODBYE)),
            at(4.20, word("Wait.")),
            at(4.30, UserTyped("Wait.")),
            nothing(until=60.0),
            given=FAREWELL,
            policy=POLITE,
            unseen=PLAYING,
        ),
        script(
            "The case of letters does not matter",
            due(3.18, EndConversation(EndCause.GOODBYE)),
            given=(*ASKED, *answered("reply_1", "BYE!", 2.0), time_passes(until=2.9)),
            policy=POLITE,
        ),
        script(
            "The end of the reply does",
            nothing(until=60.0),
            given=(*ASKED, *answered("reply_1", "Bye! Or rather not.", 2.0), time_passes(until=5.0)),
            policy=Policy(goodbye=True),
        ),
        script(
            "By default a goodbye ends nothing",
            nothing(until=60.0),
            given=LEAVING,
        ),
        script(
            "A person who speaks is listened to",
            at(4.00, speech, started("item_3")),
            nothing(until=4.50),
            at(4.50, word("Wait."), user_word("item_3", "Wait.")),
            at(4.60, pause, stopped("item_3"), RequestFlush(2)),
            at(
                4.70,
                Flushed(2),
                TurnEnded("item_3", "Wait.", DETECTED),
                prepare("reply_2", "item_4", user("Well?"), assistant("Well, good bye!"), user("Wait.")),
            ),
            nothing(until=60.0),
            given=LEAVING,
            policy=POLITE,
        ),
        script(
            "A person who types is answered",
            at(
                4.00,
                UserTyped("Wait."),
                TurnEnded("item_3", "Wait.", TYPED),
                prepare("reply_2", "item_4", user("Well?"), assistant("Well, good bye!"), user("Wait.")),
            ),
            nothing(until=60.0),
            given=LEAVING,
            policy=POLITE,
        ),
        script(
            "A goodbye that was not heard to its end is none",
            at(
                3.40,
                word("Wait."),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "Well, good", 1.4),
                started("item_3", WORD),
                user_word("item_3", "Wait."),
            ),
            nothing(until=60.0),
            given=(*FAREWELL, time_passes(until=3.3)),
            policy=POLITE,
        ),
    ),
)

FINISHING = Rule(
    "The client finishes",
    "A client that will send nothing more is first asked for its last words. Then the conversation ends, after the "
    "reply that is being prepared or heard.",
    (
        script(
            "Idle, it ends when there are no last words",
            at(5.00, FINISH, RequestFlush(2)),
            at(5.20, Flushed(2), EndConversation(EndCause.FINISHED)),
            given=(*ANSWERED, time_passes(until=4.5)),
        ),
        script(
            "Without a microphone it ends at once",
            at(5.00, FINISH, EndConversation(EndCause.FINISHED)),
            microphone_is_open=False,
        ),
        script(
            "An open turn ends with the last words, and is answered",
            at(1.60, FINISH, RequestFlush(1)),
            at(1.70, word("World."), user_word("item_1", "World.")),
            at(
                1.80,
                Flushed(1),
                stopped("item_1"),
                TurnEnded("item_1", "Hello. World.", DETECTED),
                prepare("reply_1", "item_2", user("Hello. World.")),
            ),
            *answered("reply_1", "Hi.", 2.0),
            due(2.18, ReplyReleased("reply_1", "Hi.", 0.5)),
            due(2.50, ReplyFinished("reply_1", "Hi."), EndConversation(EndCause.FINISHED)),
            given=(at(1.00, speech), at(1.50, word("Hello."))),
            unseen=PLAYING,
        ),
        script(
            "Scores that lag behind the client's last samples do not keep the turn open",
            at(1.60, FINISH, RequestFlush(1)),
            at(1.64, pause, stopped("item_1"), RequestFlush(2)),
            at(1.68, speech, started("item_1")),
            at(
                1.80,
                Flushed(1),
                stopped("item_1"),
                TurnEnded("item_1", "Hello.", DETECTED),
                prepare("reply_1", "item_2", user("Hello.")),
            ),
            at(1.82, Flushed(2)),
            at(1.90, speech),
            nothing(until=60.0),
            given=(at(1.00, speech), at(1.50, word("Hello."))),
        ),
        script(
            "Last words that the recogniser does not report within 1 s are given up",
            at(1.60, FINISH, RequestFlush(1)),
            due(
                2.60,
                stopped("item_1"),
                TurnEnded("item_1", "Hello.", DETECTED),
                prepare("reply_1", "item_2", user("Hello.")),
            ),
            given=(at(1.00, speech), at(1.50, word("Hello."))),
        ),
        script(
            "A turn that had paused ends with its own flush; what was said after that is a turn of its own",
            at(1.60, pause, stopped("item_1"), RequestFlush(1)),
            at(1.70, FINISH, RequestFlush(2)),
            at(
                1.80,
                Flushed(1),
                TurnEnded("item_1", "Hello.", DETECTED),
                prepare("reply_1", "item_2", user("Hello.")),
            ),
            at(
                1.90,
                word("World."),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "", 0.0),
                started("item_3", WORD),
                user_word("item_3", "World."),
            ),
            at(
                2.00,
                Flushed(2),
                stopped("item_3"),
                TurnEnded("item_3", "World.", DETECTED),
                prepare("reply_2", "item_4", user("Hello. World.")),
            ),
            given=(at(1.00, speech), at(1.50, word("Hello."))),
        ),
        script(
            "A turn that paused after the finish has stopped once only",
            at(1.60, FINISH, RequestFlush(1)),
            at(1.64, pause, stopped("item_1"), RequestFlush(2)),
            at(
                1.80,
                Flushed(1),
                TurnEnded("item_1", "Hello.", DETECTED),
                prepare("reply_1", "item_2", user("Hello.")),
            ),
            given=(at(1.00, speech), at(1.50, word("Hello."))),
        ),
        script(
            "A reply is heard to its end",
            at(2.60, FINISH, RequestFlush(2)),
            at(2.70, Flushed(2)),
            at(2.80, speech),
            due(3.68, ReplyReleased("reply_1", "One two three four.", 2.0)),
            due(4.00, ReplyFinished("reply_1", "One two three four."), EndConversation(EndCause.FINISHED)),
            given=ANSWERED,
            policy=Policy(uninterruptible_window=0.0, silence_timeout=7.0),
            unseen=PLAYING,
        ),
        script(
            "Last words interrupt it and are answered",
            at(2.60, FINISH, RequestFlush(2)),
            at(
                2.70,
                word("Wait."),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "One", 0.7),
                started("item_3", WORD),
                user_word("item_3", "Wait."),
            ),
            at(
                2.80,
                Flushed(2),
                stopped("item_3"),
                TurnEnded("item_3", "Wait.", DETECTED),
                prepare("reply_2", "item_4", user("Well?"), assistant("One"), user("Wait.")),
            ),
            given=HEARING,
            unseen=PLAYING,
        ),
        script(
            "A word that comes after the last words is answered all the same",
            at(2.60, FINISH, RequestFlush(2)),
            at(2.70, Flushed(2)),
            at(
                3.10,
                word("Wait."),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "One two", 1.1),
                started("item_3", WORD),
                user_word("item_3", "Wait."),
            ),
            at(3.20, pause, stopped("item_3"), RequestFlush(3)),
            at(
                3.30,
                Flushed(3),
                TurnEnded("item_3", "Wait.", DETECTED),
                prepare("reply_2", "item_4", user("Well?"), assistant("One two"), user("Wait.")),
            ),
            *answered("reply_2", "Yes?", 4.0),
            due(4.18, ReplyReleased("reply_2", "Yes?", 0.5)),
            due(4.50, ReplyFinished("reply_2", "Yes?"), EndConversation(EndCause.FINISHED)),
            given=ANSWERED,
            unseen=PLAYING,
        ),
        script(
            "A noise that held the reply has ended with the last words",
            at(2.60, speech, ReplyHeld("reply_1", 0.6), started("item_3")),
            at(2.70, FINISH, RequestFlush(2)),
            at(2.80, Flushed(2), stopped("item_3"), TurnDiscarded("item_3"), ReplyResumed("reply_1")),
            due(3.68, ReplyReleased("reply_1", "One two three four.", 2.0)),
            due(4.00, ReplyFinished("reply_1", "One two three four."), EndConversation(EndCause.FINISHED)),
            given=ANSWERED,
            policy=INTERRUPTIBLE,
            unseen=PLAYING,
        ),
        script(
            "A conversation that says goodbye anyway does not end before the last words are in",
            at(4.10, FINISH, RequestFlush(2)),
            nothing(until=4.90),
            at(4.90, Flushed(2), EndConversation(EndCause.GOODBYE)),
            given=LEAVING,
            policy=POLITE,
        ),
    ),
)
