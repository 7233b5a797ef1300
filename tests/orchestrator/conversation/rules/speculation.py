"""Replies that are begun before the person's turn is over."""

from orchestrator.conversation import Policy
from orchestrator.conversation.actions import (
    ConfirmReply,
    DropReply,
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
    guess,
    pause,
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

EARLY = Policy(speculative=True)
DELAYED = Policy(speculative=True, end_of_turn_delay=0.6)

SAID = (at(1.00, speech), at(1.40, word("Hello.")))
"""The person has said "Hello." (item_1)."""

BEGUN = (*SAID, at(1.60, pause), at(1.62, ReplyTextArrived("guess_1", " Hi.")))
"""They have paused, the recogniser is asked for their last words, and guess_1 says "Hi."."""

SPECULATION = Rule(
    "Replies that are begun early",
    "When the person pauses, the reply is begun while their last words are awaited. Nobody hears of it before the turn "
    "is over. If they have said what it answers, it is the reply; otherwise it is dropped without a trace.",
    (
        script(
            "It is begun with the pause, and is the reply when the turn ends with the same words",
            at(1.60, pause, stopped("item_1"), RequestFlush(1), guess("guess_1", user("Hello."))),
            at(1.62, ReplyTextArrived("guess_1", " Hi.")),
            at(1.65, ReplyWordTimed("guess_1", "Hi.", 0.0, 0.16)),
            at(1.65, audio("guess_1", 0.16)),
            at(
                1.70,
                Flushed(1),
                TurnEndedNotice("item_1", "Hello.", DETECTED),
                ConfirmReply("guess_1", "reply_1", "item_2", ""),
                ReplyTextNotice("reply_1", " Hi."),
                release("reply_1", 0.0, 0.16),
            ),
            at(1.72, ReplyTextCompleted("reply_1"), ReplyTextDoneNotice("reply_1", " Hi.")),
            at(1.74, ReplyAudioCompleted("reply_1"), ReplyReleasedNotice("reply_1", "Hi.", 0.16)),
            due(1.86, ReplyFinishedNotice("reply_1", "Hi.")),
            given=SAID,
            policy=EARLY,
            unseen=PLAYING[-1:],
        ),
        script(
            "A reply that is written when the turn ends is told whole",
            at(
                1.70,
                Flushed(1),
                TurnEndedNotice("item_1", "Hello.", DETECTED),
                ConfirmReply("guess_1", "reply_1", "item_2", ""),
                ReplyTextNotice("reply_1", " Hi."),
                ReplyTextDoneNotice("reply_1", " Hi."),
            ),
            given=(*BEGUN, at(1.65, ReplyTextCompleted("guess_1"))),
            policy=EARLY,
        ),
        script(
            "Another word drops it",
            at(1.65, word("You?"), user_word("item_1", "You?"), DropReply("guess_1", 1)),
            at(1.66, ReplyTextArrived("guess_1", " there.")),
            at(
                1.70,
                Flushed(1),
                TurnEndedNotice("item_1", "Hello. You?", DETECTED),
                prepare("reply_1", "item_2", user("Hello. You?")),
            ),
            given=BEGUN,
            policy=EARLY,
        ),
        script(
            "Speech that resumes drops it",
            at(1.65, speech, DropReply("guess_1", 1), started("item_1")),
            at(1.70, Flushed(1)),
            at(1.90, pause, stopped("item_1"), RequestFlush(2), guess("guess_2", user("Hello."))),
            given=BEGUN,
            policy=EARLY,
        ),
        script(
            "Words that are only guessed count, and another one drops it",
            at(1.30, PartialRecognized("are you"), UserPartialNotice("are you")),
            at(1.60, pause, stopped("item_1"), RequestFlush(1), guess("guess_1", user("How are you"))),
            at(1.65, word("is"), user_word("item_1", "is"), DropReply("guess_1", 0)),
            given=(at(1.00, speech), at(1.20, word("How"))),
            policy=EARLY,
        ),
        script(
            "A guessed word that becomes certain is not counted twice; marks and capitals do not count",
            at(1.60, pause, stopped("item_1"), RequestFlush(1), guess("guess_1", user("How are you"))),
            at(1.65, word("are"), user_word("item_1", "are")),
            at(1.66, word("you?"), user_word("item_1", "you?")),
            at(
                1.70,
                Flushed(1),
                TurnEndedNotice("item_1", "How are you?", DETECTED),
                ConfirmReply("guess_1", "reply_1", "item_2", ""),
            ),
            given=(
                at(1.00, speech),
                at(1.10, PartialRecognized("how are you")),
                at(1.20, word("How")),
            ),
            policy=EARLY,
        ),
        script(
            "After words that lead on it is not begun",
            at(1.60, pause, stopped("item_1"), RequestFlush(1)),
            at(1.70, Flushed(1)),
            nothing(until=1.80),
            given=(at(1.00, speech), at(1.20, word("I")), at(1.40, word("and"))),
            policy=EARLY,
        ),
        script(
            "Where a turn stays open after its last words, the reply to them is begun meanwhile",
            at(1.65, word("You?"), user_word("item_1", "You?"), DropReply("guess_1", 1)),
            at(1.70, Flushed(1), guess("guess_2", user("Hello. You?"))),
            due(
                2.20,
                TurnEndedNotice("item_1", "Hello. You?", DETECTED),
                ConfirmReply("guess_2", "reply_1", "item_2", ""),
            ),
            given=BEGUN,
            policy=DELAYED,
        ),
        script(
            "One that fails is dropped, and begun again when the turn is over",
            at(1.65, ReplyTextFailed("guess_1"), DropReply("guess_1", 1)),
            at(
                1.70,
                Flushed(1),
                TurnEndedNotice("item_1", "Hello.", DETECTED),
                prepare("reply_1", "item_2", user("Hello.")),
            ),
            given=BEGUN,
            policy=EARLY,
        ),
        script(
            "So is one that cannot be spoken",
            at(1.65, ReplyAudioFailed("guess_1", lasting=True), DropReply("guess_1", 1)),
            given=BEGUN,
            policy=EARLY,
        ),
        script(
            "A typed turn drops it",
            at(
                1.65,
                UserTyped("Bye."),
                TurnEndedNotice("item_1", "Hello.", TYPED),
                TurnEndedNotice("item_2", "Bye.", TYPED),
                DropReply("guess_1", 1),
                prepare("reply_1", "item_3", user("Hello. Bye.")),
            ),
            given=BEGUN,
            policy=EARLY,
        ),
        script(
            "So does a text that is to be said",
            at(
                1.65,
                SayRequested("One moment."),
                DropReply("guess_1", 1),
                prepare("reply_1", "item_2", user("Hello!"), script="One moment."),
            ),
            given=BEGUN,
            policy=EARLY,
        ),
        script(
            "One that was begun with another voice is dropped",
            at(1.65, SessionConfigured(voice="zorro")),
            at(
                1.70,
                Flushed(1),
                TurnEndedNotice("item_1", "Hello.", DETECTED),
                DropReply("guess_1", 1),
                prepare("reply_1", "item_2", user("Hello."), voice="zorro"),
            ),
            given=BEGUN,
            policy=EARLY,
        ),
        script(
            "Without a word there is nothing to answer",
            at(1.20, pause, stopped("item_1"), RequestFlush(1)),
            at(1.30, Flushed(1), TurnDiscardedNotice("item_1")),
            given=(at(1.00, speech),),
            policy=EARLY,
        ),
        script(
            "Three replies may be begun in a turn",
            at(2.20, pause, stopped("item_1"), RequestFlush(4)),
            given=(
                *BEGUN,
                at(1.70, speech),
                at(1.80, pause),
                at(1.90, speech),
                at(2.00, pause),
                at(2.10, speech),
            ),
            policy=EARLY,
        ),
    ),
)
