"""When a turn of the person's begins, and when it is over."""

from orchestrator.conversation.actions import (
    CancelCause,
    CancelReply,
    RequestFlush,
    TurnDiscardedNotice,
    TurnEndedNotice,
    UserPartialNotice,
)
from orchestrator.conversation.events import Flushed, PartialRecognized
from tests.orchestrator.conversation.notation import (
    ASKED,
    DETECTED,
    WORD,
    pause,
    prepare,
    score,
    speech,
    started,
    stopped,
    user,
    user_word,
    word,
)
from tests.orchestrator.conversation.script import Rule, at, due, nothing, script

OPENING = Rule(
    "A turn opens",
    "A turn opens at detected speech, that is at a pause score below 0.4, or at a word.",
    (
        script(
            "A score below 0.4 opens a turn; 0.4 itself does not",
            at(0.50, score(0.41)),
            at(0.58, score(0.40)),
            at(0.66, score(0.39), started("item_1")),
            at(0.74, score(0.10)),
        ),
        script(
            "A word opens a turn where the word began, whatever the scores say",
            at(1.00, score(0.90)),
            at(1.40, word("Hello."), started("item_1", WORD), user_word("item_1", "Hello.")),
        ),
        script(
            "The words that follow belong to the same turn",
            at(1.00, speech, started("item_1")),
            at(1.50, word("Good"), user_word("item_1", "Good")),
            at(1.80, word("morning."), user_word("item_1", "morning.")),
        ),
        script(
            "A partial is passed on and opens nothing",
            at(1.00, PartialRecognized("good mor"), UserPartialNotice("good mor")),
            at(1.08, PartialRecognized(""), UserPartialNotice("")),
        ),
    ),
)

SPOKEN = (at(1.00, speech), at(1.50, word("Hello.")))
"""A turn, item_1, is open, and holds "Hello."."""

ENDED = (TurnEndedNotice("item_1", "Hello.", DETECTED), prepare("reply_1", "item_2", user("Hello.")))

ENDING = Rule(
    "A turn ends",
    "A pause score above 0.6 asks the recogniser for the words it still has. Once it has answered, or a second later, "
    "the turn is over and is answered. If speech resumes before that, the pause was only a breath.",
    (
        script(
            "A score above 0.6 asks for the last words; 0.6 itself does not. The answer ends the turn",
            at(1.60, score(0.59)),
            at(1.68, score(0.60)),
            at(1.76, score(0.61), stopped("item_1"), RequestFlush(1)),
            at(1.84, score(0.95)),
            at(1.90, Flushed(1), *ENDED),
            given=SPOKEN,
        ),
        script(
            "Words that arrive before the answer belong to the turn",
            at(1.70, pause, stopped("item_1"), RequestFlush(1)),
            at(1.80, word("World."), user_word("item_1", "World.")),
            at(
                1.90,
                Flushed(1),
                TurnEndedNotice("item_1", "Hello. World.", DETECTED),
                prepare("reply_1", "item_2", user("Hello. World.")),
            ),
            given=SPOKEN,
        ),
        script(
            "A flush that is not answered within 1 s is given up; its answer then means nothing",
            at(1.70, pause, stopped("item_1"), RequestFlush(1)),
            due(2.70, *ENDED),
            at(2.80, Flushed(1)),
            given=SPOKEN,
        ),
        script(
            "The answer to another flush means nothing",
            at(1.70, pause, stopped("item_1"), RequestFlush(1)),
            at(1.80, Flushed(7)),
            at(1.90, Flushed(0)),
            due(2.70, *ENDED),
            given=SPOKEN,
        ),
        script(
            "Speech that resumes before the answer goes on with the same turn, and the answer means nothing",
            at(1.70, pause, stopped("item_1"), RequestFlush(1)),
            at(1.86, speech, started("item_1")),
            at(1.90, Flushed(1)),
            at(2.40, word("World."), user_word("item_1", "World.")),
            at(2.50, pause, stopped("item_1"), RequestFlush(2)),
            at(2.52, Flushed(1)),
            at(
                2.60,
                Flushed(2),
                TurnEndedNotice("item_1", "Hello. World.", DETECTED),
                prepare("reply_1", "item_2", user("Hello. World.")),
            ),
            given=SPOKEN,
        ),
        script(
            "A score between the two thresholds is not resumed speech",
            at(1.70, pause, stopped("item_1"), RequestFlush(1)),
            at(1.78, score(0.40)),
            at(1.90, Flushed(1), *ENDED),
            given=SPOKEN,
        ),
        script(
            "A turn that a word opened late, in a pause, ends at the next score",
            at(1.40, word("Hello."), started("item_1", WORD), user_word("item_1", "Hello.")),
            at(1.44, pause, stopped("item_1"), RequestFlush(1)),
            at(1.50, Flushed(1), *ENDED),
        ),
        script(
            "A word after the end takes the floor back: the answer is given to both turns together",
            at(
                1.60,
                word("Hello?"),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "", 0.0),
                started("item_3", WORD),
                user_word("item_3", "Hello?"),
            ),
            at(1.68, pause, stopped("item_3"), RequestFlush(2)),
            at(
                1.80,
                Flushed(2),
                TurnEndedNotice("item_3", "Hello?", DETECTED),
                prepare("reply_2", "item_4", user("Well? Hello?")),
            ),
            given=ASKED,
        ),
    ),
)

NOISE = Rule(
    "Noise",
    "A turn without a word was noise, and is forgotten: at a pause, or after 8 s. A noise that goes on must end before "
    "detected speech may open a turn again; a word may at any time.",
    (
        script(
            "A cough: speech, a pause and no word",
            at(1.00, speech, started("item_1")),
            at(1.40, pause, stopped("item_1"), RequestFlush(1)),
            at(1.50, Flushed(1), TurnDiscardedNotice("item_1")),
            nothing(until=60.0),
        ),
        script(
            "It has ended, so that speech may follow at once",
            at(1.00, speech, started("item_1")),
            at(1.40, pause, stopped("item_1"), RequestFlush(1)),
            at(1.50, Flushed(1), TurnDiscardedNotice("item_1")),
            at(1.56, speech, started("item_2")),
        ),
        script(
            "It is forgotten too when the flush is not answered",
            at(1.00, speech, started("item_1")),
            at(1.40, pause, stopped("item_1"), RequestFlush(1)),
            due(2.40, TurnDiscardedNotice("item_1")),
        ),
        script(
            "A noise that goes on is forgotten after 8 s, and must end before speech is detected again",
            at(1.00, speech, started("item_1")),
            due(9.00, TurnDiscardedNotice("item_1")),
            at(9.08, speech),
            at(9.16, score(0.50)),
            at(9.24, speech),
            at(9.32, score(0.61)),
            at(9.40, speech, started("item_2")),
        ),
        script(
            "A word is heard through a noise",
            at(1.00, speech, started("item_1")),
            due(9.00, TurnDiscardedNotice("item_1")),
            at(9.50, word("Hello."), started("item_2", WORD), user_word("item_2", "Hello.")),
        ),
        script(
            "With a word a turn may last for ever",
            at(1.00, speech, started("item_1")),
            at(8.90, word("Well,"), user_word("item_1", "Well,")),
            nothing(until=600.0),
        ),
    ),
)
