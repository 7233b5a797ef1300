"""How the model ends a conversation."""

from orchestrator.conversation import Policy
from orchestrator.conversation.actions import (
    CancelCause,
    CancelReply,
    EndCause,
    EndConversation,
    ReplyFinishedNotice,
    ReplyReleasedNotice,
    RequestFlush,
    TurnDiscardedNotice,
    TurnEndedNotice,
)
from orchestrator.conversation.events import Flushed, ReplyPlaybackReported, UserTyped
from tests.orchestrator.conversation.notation import (
    ASKED,
    DETECTED,
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
GOODBYE = Rule(
    "Goodbye",
    'A reply that ends with "bye!", in any case of letters, ends the conversation if the session wants that, 1 s after '
    "it was heard. If the person takes a turn before, the conversation goes on.",
    (
        script(
            "The conversation ends 1 s after the goodbye was heard, and nothing happens any more",
            due(3.18, ReplyReleasedNotice("reply_1", "Well, good bye!", 1.5)),
            due(3.50, ReplyFinishedNotice("reply_1", "Well, good bye!")),
            due(4.50, EndConversation(EndCause.GOODBYE)),
            at(4.60, word("Wait.")),
            at(4.70, UserTyped("Wait.")),
            nothing(until=60.0),
            given=FAREWELL,
            policy=POLITE,
            unseen=PLAYING,
        ),
        script(
            "The case of letters does not matter",
            due(3.50, EndConversation(EndCause.GOODBYE)),
            given=(*ASKED, *answered("reply_1", "BYE!", 2.0), time_passes(until=2.9)),
            policy=POLITE,
        ),
        script(
            "Who plays what was sent with a delay hears it out: their own clock counts",
            at(3.49, ReplyPlaybackReported("reply_1", 1.30)),
            at(3.69, ReplyPlaybackReported("reply_1", 1.50), ReplyFinishedNotice("reply_1", "Well, good bye!")),
            due(4.69, EndConversation(EndCause.GOODBYE)),
            given=(*FAREWELL, time_passes(until=3.45)),
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
                TurnEndedNotice("item_3", "Wait.", DETECTED),
                prepare("reply_2", "item_4", user("Well?"), assistant("Well, good bye!"), user("Wait.")),
            ),
            *answered("reply_2", "Yes?", 5.0),
            due(5.18, ReplyReleasedNotice("reply_2", "Yes?", 0.5)),
            due(5.50, ReplyFinishedNotice("reply_2", "Yes?")),
            nothing(until=60.0),
            given=LEAVING,
            policy=Policy(goodbye=True),
            unseen=PLAYING,
        ),
        script(
            "Noise is not speech: it only delays the end until it is known to be noise",
            at(4.00, speech, started("item_3")),
            nothing(until=4.50),
            at(4.60, pause, stopped("item_3"), RequestFlush(2)),
            at(4.70, Flushed(2), TurnDiscardedNotice("item_3"), EndConversation(EndCause.GOODBYE)),
            given=LEAVING,
            policy=POLITE,
        ),
        script(
            "Noise that has ended in time delays nothing",
            at(3.70, speech, started("item_3")),
            at(3.80, pause, stopped("item_3"), RequestFlush(2)),
            at(3.90, Flushed(2), TurnDiscardedNotice("item_3")),
            due(4.50, EndConversation(EndCause.GOODBYE)),
            given=LEAVING,
            policy=POLITE,
        ),
        script(
            "A person who types is answered",
            at(
                4.00,
                UserTyped("Wait."),
                TurnEndedNotice("item_3", "Wait.", TYPED),
                prepare("reply_2", "item_4", user("Well?"), assistant("Well, good bye!"), user("Wait.")),
            ),
            *answered("reply_2", "Yes?", 5.0),
            due(5.18, ReplyReleasedNotice("reply_2", "Yes?", 0.5)),
            due(5.50, ReplyFinishedNotice("reply_2", "Yes?")),
            nothing(until=60.0),
            given=LEAVING,
            policy=Policy(goodbye=True),
            unseen=PLAYING,
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
