"""What a client may ask for besides speaking and typing: stop a reply, say something, end a turn, bring a history."""

from orchestrator.conversation import Policy
from orchestrator.conversation.actions import (
    CancelCause,
    CancelReply,
    ReplyFinishedNotice,
    ReplyHeldNotice,
    ReplyReleasedNotice,
    RequestFlush,
    TurnDiscardedNotice,
    TurnEndedNotice,
    WarnOfLostVoice,
)
from orchestrator.conversation.events import (
    CancellationRequested,
    Flushed,
    HistoryGiven,
    ReplyAudioArrived,
    ReplyAudioFailed,
    SayRequested,
    TurnCommitted,
    UserTyped,
)
from orchestrator.conversation.policy import SILENCE_MARK
from orchestrator.conversation.transcript import Item, Role
from tests.orchestrator.conversation.notation import (
    ASKED,
    DETECTED,
    HEARING,
    INTERRUPTIBLE,
    PLAYING,
    SILENCE,
    TYPED,
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
from tests.orchestrator.conversation.script import Rule, at, due, nothing, script

REQUESTED = CancelCause.REQUESTED

CANCELLING = Rule(
    "The client cancels a reply",
    "A client may stop the reply that is being prepared or heard, or only a certain one. What was heard is remembered, "
    "and the person may speak.",
    (
        script(
            "One that is being heard; the model is shown what was heard",
            at(2.60, CancellationRequested(), CancelReply("reply_1", REQUESTED, "One", 0.6)),
            at(
                3.00,
                UserTyped("Go on."),
                TurnEndedNotice("item_3", "Go on.", TYPED),
                prepare("reply_2", "item_4", user("Well?"), assistant("One"), user("Go on.")),
            ),
            given=HEARING,
        ),
        script(
            "One that is being prepared",
            at(1.50, CancellationRequested("reply_1"), CancelReply("reply_1", REQUESTED, "", 0.0)),
            at(1.60, ReplyAudioArrived("reply_1", 24_000)),
            nothing(until=60.0),
            given=ASKED,
        ),
        script(
            "One that is held; the turn over it stays open",
            at(2.60, speech, ReplyHeldNotice("reply_1", 0.6), started("item_3")),
            at(2.70, CancellationRequested(), CancelReply("reply_1", REQUESTED, "One", 0.7)),
            at(2.90, word("Wait."), user_word("item_3", "Wait.")),
            given=HEARING,
            policy=INTERRUPTIBLE,
            unseen=PLAYING,
        ),
        script(
            "Another, or none: nothing happens",
            at(2.60, CancellationRequested("reply_7")),
            given=HEARING,
        ),
        script("Nothing is being said", at(1.00, CancellationRequested())),
        script(
            "Silence counts from there",
            at(2.60, CancellationRequested(), CancelReply("reply_1", REQUESTED, "One", 0.6)),
            due(
                4.60,
                stopped("item_3", SILENCE),
                TurnEndedNotice("item_3", SILENCE_MARK, SILENCE),
                prepare("reply_2", "item_4", user("Well?"), assistant("One"), user(SILENCE_MARK)),
            ),
            given=HEARING,
            policy=Policy(silence_timeout=2.0),
        ),
    ),
)

SAYING = Rule(
    "The client has something said",
    "A client may have a text spoken. It is a reply like any other, for which no model is asked, and it takes the "
    "place of the one there is.",
    (
        script(
            "While nobody speaks",
            at(
                1.00,
                SayRequested("Good morning."),
                prepare("reply_1", "item_1", user("Hello!"), script="Good morning."),
            ),
            *answered("reply_1", "Good morning.", 1.5),
            due(2.18, ReplyReleasedNotice("reply_1", "Good morning.", 1.0)),
            due(2.50, ReplyFinishedNotice("reply_1", "Good morning.")),
            unseen=PLAYING,
        ),
        script(
            "Over a reply",
            at(
                2.60,
                SayRequested("Stop."),
                CancelReply("reply_1", REQUESTED, "One", 0.6),
                prepare("reply_2", "item_3", user("Well?"), assistant("One"), script="Stop."),
            ),
            given=HEARING,
        ),
        script(
            "It takes the place of an answer that speech has cut off; that one is not given after all",
            at(1.60, speech, CancelReply("reply_1", CancelCause.SPEECH_DETECTED, "", 0.0), started("item_3")),
            at(1.70, SayRequested("Hi."), prepare("reply_2", "item_4", user("Well?"), script="Hi.")),
            at(
                1.80,
                ReplyAudioFailed("reply_2", lasting=True),
                WarnOfLostVoice("reply_2"),
                CancelReply("reply_2", CancelCause.FAILED, "", 0.0),
            ),
            at(2.00, pause, stopped("item_3"), RequestFlush(2)),
            at(2.10, Flushed(2), TurnDiscardedNotice("item_3")),
            nothing(until=60.0),
            given=ASKED,
            policy=Policy(confirmation_time=0.0, uninterruptible_window=0.0),
        ),
        script(
            "While the person speaks it waits, and a word cancels it",
            at(1.00, speech, started("item_1")),
            at(1.10, SayRequested("Hi."), prepare("reply_1", "item_2", user("Hello!"), script="Hi.")),
            at(1.20, ReplyAudioArrived("reply_1", 24_000)),
            at(
                1.40,
                word("So?"),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "", 0.0),
                user_word("item_1", "So?"),
            ),
        ),
    ),
)

MANUAL = Policy(manual_turns=True)

COMMITTING = Rule(
    "The client ends the turn",
    "With push to talk a pause ends nothing, and neither does a microphone that sends nothing. The client ends the "
    "turn, and what is being recognised belongs to it.",
    (
        script(
            "Pauses end nothing; the commitment asks for the last words",
            at(1.00, speech, started("item_1")),
            at(1.40, word("I"), user_word("item_1", "I")),
            at(2.00, pause),
            nothing(until=9.00),
            at(9.00, TurnCommitted(), stopped("item_1"), RequestFlush(1)),
            at(9.10, speech),
            at(9.20, word("think."), user_word("item_1", "think.")),
            at(
                9.30,
                Flushed(1),
                TurnEndedNotice("item_1", "I think.", DETECTED),
                prepare("reply_1", "item_2", user("I think.")),
            ),
            policy=MANUAL,
        ),
        script(
            "Words that read as unfinished are not waited for",
            at(1.00, speech, started("item_1")),
            at(1.40, word("and"), user_word("item_1", "and")),
            at(1.60, TurnCommitted(), stopped("item_1"), RequestFlush(1)),
            at(1.70, Flushed(1), TurnEndedNotice("item_1", "and", DETECTED), prepare("reply_1", "item_2", user("and"))),
        ),
        script(
            "In a pause that is being waited for it ends the turn at once",
            at(1.00, speech, started("item_1")),
            at(1.40, word("and"), user_word("item_1", "and")),
            at(1.60, pause, stopped("item_1"), RequestFlush(1)),
            at(1.70, Flushed(1)),
            at(
                1.80,
                TurnCommitted(),
                TurnEndedNotice("item_1", "and", DETECTED),
                prepare("reply_1", "item_2", user("and")),
            ),
        ),
        script(
            "Before anything was recognised",
            at(1.00, TurnCommitted(), started("item_1"), stopped("item_1"), RequestFlush(1)),
            at(1.20, word("Yes."), user_word("item_1", "Yes.")),
            at(
                1.30,
                Flushed(1),
                TurnEndedNotice("item_1", "Yes.", DETECTED),
                prepare("reply_1", "item_2", user("Yes.")),
            ),
            policy=MANUAL,
        ),
        script(
            "Nothing was said",
            at(1.00, TurnCommitted(), started("item_1"), stopped("item_1"), RequestFlush(1)),
            at(1.30, Flushed(1), TurnDiscardedNotice("item_1")),
            policy=MANUAL,
        ),
        script("Without a microphone there is nothing to end", at(1.00, TurnCommitted()), microphone_is_open=False),
    ),
)

HISTORY = HistoryGiven((Item("a", Role.USER, "Hi."), Item("", Role.ASSISTANT, "Hello, Ann.")))

BRINGING = Rule(
    "The client brings a history",
    "What was said before is shown to the model, which does not greet again.",
    (
        script(
            "The model is shown it",
            at(
                1.00,
                UserTyped("Who am I?"),
                TurnEndedNotice("item_2", "Who am I?", TYPED),
                prepare("reply_1", "item_3", user("Hi."), assistant("Hello, Ann."), user("Who am I?")),
            ),
            given=(at(0.0, HISTORY),),
        ),
        script(
            "There is no greeting",
            nothing(until=60.0),
            given=(at(0.0, HISTORY),),
            policy=Policy(greeting=True),
        ),
    ),
)
