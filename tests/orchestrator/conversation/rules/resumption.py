"""When the conversation goes on in another process, from where it was written down."""

from orchestrator.conversation import Policy
from orchestrator.conversation.actions import (
    Action,
    CancelCause,
    CancelReply,
    EndCause,
    EndConversation,
    PrepareReply,
    ReplyFinishedNotice,
    ReplyTextDoneNotice,
    ReplyTextNotice,
    ReplyWordNotice,
    RequestFlush,
    SpeechStartedNotice,
    TurnDiscardedNotice,
    TurnEndedNotice,
    TurnRestoredNotice,
)
from orchestrator.conversation.events import (
    ConversationResumed,
    Flushed,
    HistoryGiven,
    PauseScored,
    ReplyTextArrived,
    ReplyTextCompleted,
    ReplyWordTimed,
    UserTyped,
    WordRecognized,
)
from orchestrator.conversation.transcript import Item, ReplySoFar, Role
from tests.orchestrator.conversation.notation import (
    ASKED,
    DETECTED,
    HEARING,
    INTERRUPTIBLE,
    PLAYING,
    TYPED,
    answered,
    assistant,
    audio,
    microphone,
    pause,
    prepare,
    release,
    speech,
    stopped,
    user,
    user_word,
    word,
)
from tests.orchestrator.conversation.script import Rule, at, due, nothing, script, time_passes

RESUMED = CancelCause.RESUMED
WRITING = (*ASKED, at(1.4, ReplyTextArrived("reply_1", " One")), at(1.4, ReplyTextArrived("reply_1", " two")))
"""Of reply_1 two words are written, and nothing is heard."""
TEXT = " One two three four."


def resumed(seconds: float, *words: str, reply: ReplySoFar | None = None) -> ConversationResumed:
    """The microphone comes again from there on."""
    return ConversationResumed(round(seconds * 24_000), words, reply)


def asked(text: str) -> Action:
    """reply_1 is prepared for this turn."""
    return prepare("reply_1", "item_2", user(text))


MOVED = (TurnRestoredNotice, CancelReply, PrepareReply, ReplyTextNotice, ReplyTextDoneNotice, ReplyWordNotice)
"""What else is done when the conversation goes on, and the text of its reply."""


TURNS = Rule(
    "The conversation goes on elsewhere: the person's turn",
    "What was said before the loss is kept: the words of the open turn, and the turns that are over. A pause that was "
    "noticed is noticed again, since the microphone is heard again from the last word on.",
    (
        script(
            "An open turn has the words that were written down, and those that the client was told after that",
            at(1.30, resumed(0.9, "Well,")),
            at(1.50, word("now?"), user_word("item_1", "now?")),
            at(1.60, pause, stopped("item_1"), RequestFlush(1)),
            at(1.70, Flushed(1), TurnEndedNotice("item_1", "Well, now?", DETECTED), asked("Well, now?")),
            given=(at(0.5, speech),),
            unseen=(TurnRestoredNotice,),
        ),
        script(
            "A turn that was opened after the state was written down has the words that the client was told",
            at(1.30, resumed(0.9, "Well,")),
            at(1.50, word("now?"), user_word("item_1", "now?")),
            at(1.60, pause, stopped("item_1"), RequestFlush(1)),
            at(1.70, Flushed(1), TurnEndedNotice("item_1", "Well, now?", DETECTED), asked("Well, now?")),
            unseen=(TurnRestoredNotice,),
        ),
        script(
            "Without news of the client it has those that were written down",
            at(1.30, resumed(0.9)),
            at(1.60, pause, stopped("item_1"), RequestFlush(1)),
            at(1.70, Flushed(1), TurnEndedNotice("item_1", "Yes.", DETECTED), asked("Yes.")),
            given=(at(0.5, speech), at(1.0, word("Yes."))),
            unseen=(TurnRestoredNotice,),
        ),
        script(
            "A pause whose last words were awaited is noticed again",
            at(1.30, resumed(1.0)),
            at(1.40, pause, stopped("item_1"), RequestFlush(2)),
            at(1.50, Flushed(1)),
            at(1.60, Flushed(2), TurnEndedNotice("item_1", "Yes.", DETECTED), asked("Yes.")),
            given=(at(0.5, speech), at(1.0, word("Yes.")), at(1.2, pause)),
            unseen=(TurnRestoredNotice,),
        ),
        script(
            "A turn without words has all its time again",
            at(7.00, resumed(0.4)),
            nothing(until=14.99),
            due(15.00, TurnDiscardedNotice("item_1")),
            given=(at(0.5, speech),),
            unseen=(TurnRestoredNotice,),
        ),
    ),
)


RESTORED = Rule(
    "The conversation goes on elsewhere: what the client may have missed",
    "The client is told the turn that ended last, and the open one, as they are known: the stream that was lost may "
    "have taken a word with it.",
    (
        script(
            "The turn that ended last, and how",
            at(
                1.50,
                resumed(1.0),
                TurnRestoredNotice("item_1", "Well?", DETECTED),
                CancelReply("reply_1", RESUMED, "", 0.0),
                prepare("reply_2", "item_3", user("Well?")),
            ),
            given=ASKED,
        ),
        script(
            "A typed one",
            at(
                1.50,
                resumed(0.0),
                TurnRestoredNotice("item_1", "Well?", TYPED),
                CancelReply("reply_1", RESUMED, "", 0.0),
                prepare("reply_2", "item_3", user("Well?")),
            ),
            given=(at(1.0, UserTyped("Well?")),),
        ),
        script(
            "With a word that came too late for it",
            at(
                2.90,
                resumed(2.6, reply=ReplySoFar("reply_1", TEXT, "One")),
                TurnRestoredNotice("item_1", "Well, now?", DETECTED),
            ),
            given=(
                *(at(0.5, speech), at(1.0, word("Well,")), at(1.2, pause), time_passes(until=2.3)),
                *answered("reply_1", "One two three four.", 2.3),
                at(2.6, WordRecognized("now?", 1.0, 1.15)),
            ),
            unseen=(*PLAYING, CancelReply, PrepareReply),
        ),
        script(
            "The open turn, with the words that the client was told",
            at(1.30, resumed(0.9, "now?"), TurnRestoredNotice("item_1", "Well, now?", None)),
            given=(at(0.5, speech), at(0.8, word("Well,"))),
        ),
        script(
            "Both, the older first",
            at(
                2.80,
                resumed(1.0, reply=ReplySoFar("reply_1", TEXT, "One")),
                TurnRestoredNotice("item_1", "Well?", DETECTED),
                TurnRestoredNotice("item_3", "", None),
            ),
            given=(*HEARING, at(2.60, speech)),
            policy=INTERRUPTIBLE,
            unseen=(*PLAYING, CancelReply, PrepareReply),
        ),
        script(
            "A silence is no turn, nor is what the client brought",
            at(9.50, resumed(9.0), TurnRestoredNotice("item_2", "Well?", TYPED)),
            given=(
                at(0.0, HistoryGiven((Item("", Role.USER, "Hello."),))),
                at(0.5, UserTyped("Well?")),
                *answered("reply_1", "Yes.", 1.0),
                time_passes(until=9.2),
            ),
            policy=Policy(silence_timeout=7.0),
            unseen=(CancelReply, PrepareReply),
        ),
        script("None, where none has been", at(1.30, resumed(0.9))),
    ),
)


CATCHING_UP = Rule(
    "The conversation goes on elsewhere: before the reply is heard",
    "The recogniser first hears what was said in the meantime, because the person may speak over the reply. It has "
    "half a second for that.",
    (
        script(
            "A reply waits until the recogniser has come to the end of the microphone",
            at(1.50, resumed(1.0)),
            *answered("reply_2", "Yes.", 1.6),
            at(1.65, microphone(0.65)),
            at(1.70, PauseScored(0.9, 1.2)),
            at(1.75, PauseScored(0.9, 1.6), release("reply_2", 0.0, 0.32)),
            given=ASKED,
            unseen=MOVED,
            microphone_is_open=False,
        ),
        script(
            "Or for half a second",
            at(1.50, resumed(1.0)),
            *answered("reply_2", "Yes.", 1.6),
            at(1.65, microphone(0.65)),
            due(2.00, release("reply_2", 0.0, 0.32)),
            given=ASKED,
            unseen=MOVED,
            microphone_is_open=False,
        ),
        script(
            "It is not heard if the person had begun to speak",
            at(1.50, resumed(1.0)),
            *answered("reply_2", "Yes.", 1.6),
            at(1.65, microphone(0.65)),
            at(1.70, PauseScored(0.1, 1.2), SpeechStartedNotice("item_4", 1.2, DETECTED)),
            at(1.75, PauseScored(0.1, 1.6)),
            nothing(until=2.6),
            given=ASKED,
            unseen=MOVED,
            microphone_is_open=False,
        ),
        script(
            "Where there is no microphone it waits for nothing",
            at(1.50, resumed(0.0)),
            at(1.60, ReplyTextArrived("reply_2", " Yes.")),
            at(1.60, ReplyWordTimed("reply_2", "Yes.", 0.0, 0.5)),
            at(1.60, audio("reply_2", 0.5), release("reply_2", 0.0, 0.32)),
            given=(at(1.0, UserTyped("Well?")),),
            unseen=MOVED,
            microphone_is_open=False,
        ),
    ),
)


REPLIES = Rule(
    "The conversation goes on elsewhere: the reply",
    "What was heard of a reply is remembered, and the rest of it is said as another reply. If nothing was heard and "
    "the model was still writing, it is asked again.",
    (
        script(
            "A reply that was being prepared is asked for again",
            at(
                1.50,
                resumed(1.0, reply=ReplySoFar("reply_1", " One two", "")),
                CancelReply("reply_1", RESUMED, "", 0.0),
                prepare("reply_2", "item_3", user("Well?")),
            ),
            given=WRITING,
            unseen=(TurnRestoredNotice,),
        ),
        script(
            "One that was written and not heard is said as it was written",
            at(
                1.50,
                resumed(1.0),
                CancelReply("reply_1", RESUMED, "", 0.0),
                prepare("reply_2", "item_3", user("Well?"), script="One two"),
            ),
            given=(*WRITING, at(1.45, ReplyTextCompleted("reply_1"))),
            unseen=(TurnRestoredNotice,),
        ),
        script(
            "One that was heard in part goes on with the first word that was not",
            at(
                2.58,
                resumed(1.0, reply=ReplySoFar("reply_1", TEXT, "One two")),
                CancelReply("reply_1", RESUMED, "One two", 0.58),
                prepare("reply_2", "item_3", user("Well?"), assistant("One two"), script="three four."),
            ),
            given=HEARING,
            unseen=(*PLAYING, TurnRestoredNotice),
        ),
        script(
            "The model then remembers all of it, once",
            at(
                6.00,
                UserTyped("And?"),
                TurnEndedNotice("item_4", "And?", TYPED),
                prepare("reply_3", "item_5", user("Well?"), assistant("One two three four."), user("And?")),
            ),
            given=(
                *HEARING,
                at(2.58, resumed(1.0, reply=ReplySoFar("reply_1", TEXT, "One two"))),
                *answered("reply_2", "three four.", 3.0),
                time_passes(until=5.5),
            ),
        ),
        script(
            "The model is asked for the rest of one that it was still writing",
            at(
                1.50,
                resumed(1.0, reply=ReplySoFar("reply_1", " One two", "One")),
                CancelReply("reply_1", RESUMED, "One", 0.0),
                prepare("reply_2", "item_3", user("Well?"), assistant("One two"), beginning="two"),
            ),
            given=ASKED,
            unseen=(TurnRestoredNotice,),
        ),
        script(
            "One that was heard to its end is over",
            at(
                2.58,
                resumed(1.0, reply=ReplySoFar("reply_1", TEXT, "One two three four.")),
                ReplyFinishedNotice("reply_1", "One two three four."),
            ),
            at(
                3.00,
                UserTyped("And?"),
                TurnEndedNotice("item_3", "And?", TYPED),
                prepare("reply_2", "item_4", user("Well?"), assistant("One two three four."), user("And?")),
            ),
            given=HEARING,
            unseen=(*PLAYING, TurnRestoredNotice),
        ),
        script(
            "One whose end the client was told is not said again",
            at(2.58, resumed(1.0, reply=ReplySoFar("reply_1", TEXT, "One two three four.", over=True))),
            at(
                3.00,
                UserTyped("And?"),
                TurnEndedNotice("item_3", "And?", TYPED),
                prepare("reply_2", "item_4", user("Well?"), assistant("One two three four."), user("And?")),
            ),
            given=HEARING,
            unseen=(*PLAYING, TurnRestoredNotice),
        ),
        script(
            "A goodbye that was heard to its end ends the conversation",
            at(
                1.50,
                resumed(1.0, reply=ReplySoFar("reply_1", " Bye!", "Bye!")),
                ReplyFinishedNotice("reply_1", "Bye!"),
            ),
            due(2.50, EndConversation(EndCause.GOODBYE)),
            given=(*ASKED, at(1.4, ReplyTextArrived("reply_1", " Bye!")), at(1.45, ReplyTextCompleted("reply_1"))),
            policy=Policy(goodbye=True),
            unseen=(TurnRestoredNotice,),
        ),
        script(
            "The rest waits while the person seems to speak, and is said when they turn out to say nothing",
            at(
                2.80,
                resumed(1.0, reply=ReplySoFar("reply_1", TEXT, "One")),
                CancelReply("reply_1", RESUMED, "One", 0.8),
                prepare("reply_2", "item_4", user("Well?"), assistant("One"), script="two three four."),
            ),
            due(5.80, TurnDiscardedNotice("item_3")),
            given=(*HEARING, at(2.60, speech)),
            policy=INTERRUPTIBLE,
            unseen=(*PLAYING, TurnRestoredNotice),
        ),
        script(
            "Nothing more of it is said if the person has said a word by then",
            at(
                2.80,
                resumed(2.6, "Wait!", reply=ReplySoFar("reply_1", TEXT, "One")),
                CancelReply("reply_1", RESUMED, "One", 0.8),
            ),
            at(3.00, pause, stopped("item_3"), RequestFlush(2)),
            at(
                3.10,
                Flushed(2),
                TurnEndedNotice("item_3", "Wait!", DETECTED),
                prepare("reply_2", "item_4", user("Well?"), assistant("One"), user("Wait!")),
            ),
            given=(*HEARING, at(2.60, speech)),
            policy=INTERRUPTIBLE,
            unseen=(*PLAYING, TurnRestoredNotice),
        ),
    ),
)
