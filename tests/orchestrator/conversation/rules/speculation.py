"""Speculative replies: they are prepared before the person's turn is over."""

from orchestrator.conversation import Policy
from orchestrator.conversation.actions import (
    ConfirmSpeculativeReply,
    DropSpeculativeReply,
    ReplyFinishedNotice,
    ReplyReleasedNotice,
    ReplyTextDoneNotice,
    ReplyTextNotice,
    RequestFlush,
    TurnDiscardedNotice,
    TurnEndedNotice,
    UserPartialNotice,
)
from orchestrator.conversation.events import (
    Flushed,
    PartialRecognized,
    ReplyAudioCompleted,
    ReplyAudioFailed,
    ReplyTextArrived,
    ReplyTextCompleted,
    ReplyTextFailed,
    ReplyWordTimed,
    SayRequested,
    SessionConfigured,
    UserTyped,
)
from tests.orchestrator.conversation.notation import (
    DETECTED,
    PLAYING,
    TYPED,
    audio,
    pause,
    prepare,
    release,
    speculative,
    speech,
    started,
    stopped,
    user,
    user_word,
    word,
)
from tests.orchestrator.conversation.script import Rule, at, due, nothing, script

SPECULATIVE = Policy(speculative=True)
DELAYED = Policy(speculative=True, end_of_turn_delay=0.6)

SAID = (at(1.00, speech), at(1.40, word("Hello.")))
"""The person has said "Hello." (item_1)."""

PREPARED = (*SAID, at(1.60, pause), at(1.62, ReplyTextArrived("speculative_1", " Hi.")))
"""They have paused, the recogniser is asked for their last words, and speculative_1 says "Hi."."""

SPECULATION = Rule(
    "Speculative replies",
    "When the person pauses, a reply is prepared while their last words are awaited. Nobody hears of it before the "
    "turn is over. If they have said what it answers, it is the reply; otherwise it is dropped without a trace.",
    (
        script(
            "It is prepared with the pause, and is the reply when the turn ends with the same words",
            at(1.60, pause, stopped("item_1"), RequestFlush(1), speculative("speculative_1", user("Hello."))),
            at(1.62, ReplyTextArrived("speculative_1", " Hi.")),
            at(1.65, ReplyWordTimed("speculative_1", "Hi.", 0.0, 0.16)),
            at(1.65, audio("speculative_1", 0.16)),
            at(
                1.70,
                Flushed(1),
                TurnEndedNotice("item_1", "Hello.", DETECTED),
                ConfirmSpeculativeReply("speculative_1", "reply_1", "item_2", ""),
                ReplyTextNotice("reply_1", " Hi."),
                release("reply_1", 0.0, 0.16),
            ),
            at(1.72, ReplyTextCompleted("reply_1"), ReplyTextDoneNotice("reply_1", " Hi.")),
            at(1.74, ReplyAudioCompleted("reply_1"), ReplyReleasedNotice("reply_1", "Hi.", 0.16)),
            due(1.86, ReplyFinishedNotice("reply_1", "Hi.")),
            given=SAID,
            policy=SPECULATIVE,
            unseen=PLAYING[-1:],
        ),
        script(
            "A reply that is written when the turn ends is told whole",
            at(
                1.70,
                Flushed(1),
                TurnEndedNotice("item_1", "Hello.", DETECTED),
                ConfirmSpeculativeReply("speculative_1", "reply_1", "item_2", ""),
                ReplyTextNotice("reply_1", " Hi."),
                ReplyTextDoneNotice("reply_1", " Hi."),
            ),
            given=(*PREPARED, at(1.65, ReplyTextCompleted("speculative_1"))),
            policy=SPECULATIVE,
        ),
        script(
            "Another word drops it",
            at(1.65, word("You?"), user_word("item_1", "You?"), DropSpeculativeReply("speculative_1", 1)),
            at(1.66, ReplyTextArrived("speculative_1", " there.")),
            at(
                1.70,
                Flushed(1),
                TurnEndedNotice("item_1", "Hello. You?", DETECTED),
                prepare("reply_1", "item_2", user("Hello. You?")),
            ),
            given=PREPARED,
            policy=SPECULATIVE,
        ),
        script(
            "Speech that resumes drops it",
            at(1.65, speech, DropSpeculativeReply("speculative_1", 1), started("item_1")),
            at(1.70, Flushed(1)),
            at(1.90, pause, stopped("item_1"), RequestFlush(2), speculative("speculative_2", user("Hello."))),
            given=PREPARED,
            policy=SPECULATIVE,
        ),
        script(
            "Words of a partial count, and another one drops it",
            at(1.30, PartialRecognized("are you"), UserPartialNotice("are you")),
            at(1.60, pause, stopped("item_1"), RequestFlush(1), speculative("speculative_1", user("How are you"))),
            at(1.65, word("is"), user_word("item_1", "is"), DropSpeculativeReply("speculative_1", 0)),
            given=(at(1.00, speech), at(1.20, word("How"))),
            policy=SPECULATIVE,
        ),
        script(
            "A word of a partial that becomes certain is not counted twice; marks and capitals do not count",
            at(1.60, pause, stopped("item_1"), RequestFlush(1), speculative("speculative_1", user("How are you"))),
            at(1.65, word("are"), user_word("item_1", "are")),
            at(1.66, word("you?"), user_word("item_1", "you?")),
            at(
                1.70,
                Flushed(1),
                TurnEndedNotice("item_1", "How are you?", DETECTED),
                ConfirmSpeculativeReply("speculative_1", "reply_1", "item_2", ""),
            ),
            given=(
                at(1.00, speech),
                at(1.10, PartialRecognized("how are you")),
                at(1.20, word("How")),
            ),
            policy=SPECULATIVE,
        ),
        script(
            "After words that lead on it is not prepared",
            at(1.60, pause, stopped("item_1"), RequestFlush(1)),
            at(1.70, Flushed(1)),
            nothing(until=1.80),
            given=(at(1.00, speech), at(1.20, word("I")), at(1.40, word("and"))),
            policy=SPECULATIVE,
        ),
        script(
            "Where a turn stays open after its last words, the reply to them is prepared meanwhile",
            at(1.65, word("You?"), user_word("item_1", "You?"), DropSpeculativeReply("speculative_1", 1)),
            at(1.70, Flushed(1), speculative("speculative_2", user("Hello. You?"))),
            due(
                2.20,
                TurnEndedNotice("item_1", "Hello. You?", DETECTED),
                ConfirmSpeculativeReply("speculative_2", "reply_1", "item_2", ""),
            ),
            given=PREPARED,
            policy=DELAYED,
        ),
        script(
            "One that fails is dropped, and prepared again when the turn is over",
            at(1.65, ReplyTextFailed("speculative_1"), DropSpeculativeReply("speculative_1", 1)),
            at(
                1.70,
                Flushed(1),
                TurnEndedNotice("item_1", "Hello.", DETECTED),
                prepare("reply_1", "item_2", user("Hello.")),
            ),
            given=PREPARED,
            policy=SPECULATIVE,
        ),
        script(
            "So is one that cannot be spoken",
            at(1.65, ReplyAudioFailed("speculative_1", lasting=True), DropSpeculativeReply("speculative_1", 1)),
            given=PREPARED,
            policy=SPECULATIVE,
        ),
        script(
            "A typed turn drops it",
            at(
                1.65,
                UserTyped("Bye."),
                TurnEndedNotice("item_1", "Hello.", TYPED),
                TurnEndedNotice("item_2", "Bye.", TYPED),
                DropSpeculativeReply("speculative_1", 1),
                prepare("reply_1", "item_3", user("Hello. Bye.")),
            ),
            given=PREPARED,
            policy=SPECULATIVE,
        ),
        script(
            "So does a text that is to be said",
            at(
                1.65,
                SayRequested("One moment."),
                DropSpeculativeReply("speculative_1", 1),
                prepare("reply_1", "item_2", user("Hello!"), script="One moment."),
            ),
            given=PREPARED,
            policy=SPECULATIVE,
        ),
        script(
            "One that was prepared with another voice is dropped",
            at(1.65, SessionConfigured(voice="zorro")),
            at(
                1.70,
                Flushed(1),
                TurnEndedNotice("item_1", "Hello.", DETECTED),
                DropSpeculativeReply("speculative_1", 1),
                prepare("reply_1", "item_2", user("Hello."), voice="zorro"),
            ),
            given=PREPARED,
            policy=SPECULATIVE,
        ),
        script(
            "Without a word there is nothing to answer",
            at(1.20, pause, stopped("item_1"), RequestFlush(1)),
            at(1.30, Flushed(1), TurnDiscardedNotice("item_1")),
            given=(at(1.00, speech),),
            policy=SPECULATIVE,
        ),
        script(
            "A turn may have three",
            at(2.20, pause, stopped("item_1"), RequestFlush(4)),
            given=(
                *PREPARED,
                at(1.70, speech),
                at(1.80, pause),
                at(1.90, speech),
                at(2.00, pause),
                at(2.10, speech),
            ),
            policy=SPECULATIVE,
        ),
    ),
)
