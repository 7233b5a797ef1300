"""When the language model or the synthesis fails: the person is told, and the conversation goes on."""

from orchestrator.conversation import Policy
from orchestrator.conversation.actions import (
    AbandonText,
    CancelCause,
    CancelReply,
    ReleaseAudio,
    ReplyFinishedNotice,
    ReplyHeldNotice,
    ReplyReleasedNotice,
    ReplyResumedNotice,
    ReplyTextDoneNotice,
    ReplyTextNotice,
    ReplyWordNotice,
    RequestFlush,
    ResumeSynthesis,
    TurnDiscardedNotice,
    TurnEndedNotice,
    UserWordNotice,
    WarnOfLostVoice,
)
from orchestrator.conversation.events import (
    Flushed,
    RecognizerChanged,
    RecognizerLost,
    ReplyAudioCompleted,
    ReplyAudioFailed,
    ReplyTextArrived,
    ReplyTextCompleted,
    ReplyTextFailed,
    ReplyWordTimed,
    UserTyped,
    WordRecognized,
)
from orchestrator.conversation.playout import Position
from orchestrator.conversation.policy import SILENCE_MARK
from tests.orchestrator.conversation.notation import (
    ANSWERED,
    ASKED,
    DETECTED,
    HEARING,
    INTERRUPTIBLE,
    PLAYING,
    SILENCE,
    TYPED,
    answered,
    assistant,
    audio,
    pause,
    prepare,
    release,
    resume_text,
    samples,
    speech,
    started,
    stopped,
    user,
    user_word,
    word,
)
from tests.orchestrator.conversation.script import Rule, at, due, nothing, script, time_passes

APOLOGY = Policy().apology

DEAF = Rule(
    "No recogniser listens",
    "While no recogniser listens, a person who says nothing may only not be heard. A reply that is held stays held, a "
    "turn without words stays open, and no silence is broken, until another recogniser has had its time, at most 10 s.",
    (
        script(
            "A held reply stays held, and the word that was said meanwhile cancels it",
            at(2.60, speech, ReplyHeldNotice("reply_1", 0.6), started("item_3")),
            at(2.80, RecognizerLost()),
            nothing(until=6.00),
            at(6.00, RecognizerChanged(None)),
            at(
                6.40,
                WordRecognized("Wait.", 2.7, 3.0),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "One", 0.88),
                UserWordNotice("item_3", "Wait.", 2.7, 3.0),
            ),
            given=HEARING,
            policy=INTERRUPTIBLE,
            unseen=PLAYING,
        ),
        script(
            "Without a word the reply resumes when the next recogniser has had as long as any",
            at(2.60, speech, ReplyHeldNotice("reply_1", 0.6), started("item_3")),
            at(2.80, RecognizerLost()),
            at(6.00, RecognizerChanged(None)),
            due(9.00, TurnDiscardedNotice("item_3"), ReplyResumedNotice("reply_1")),
            given=HEARING,
            policy=INTERRUPTIBLE,
            unseen=PLAYING,
        ),
        script(
            "If no other is found it resumes after 10 s",
            at(2.60, speech, ReplyHeldNotice("reply_1", 0.6), started("item_3")),
            at(2.80, RecognizerLost()),
            due(12.80, TurnDiscardedNotice("item_3"), ReplyResumedNotice("reply_1")),
            given=HEARING,
            policy=INTERRUPTIBLE,
            unseen=PLAYING,
        ),
        script(
            "The words before a pause over a held reply are waited for",
            at(2.60, speech, ReplyHeldNotice("reply_1", 0.6), started("item_3")),
            at(2.80, pause, stopped("item_3"), RequestFlush(2)),
            at(2.90, RecognizerLost()),
            nothing(until=6.00),
            at(6.00, RecognizerChanged(None)),
            due(7.00, TurnDiscardedNotice("item_3"), ReplyResumedNotice("reply_1")),
            given=HEARING,
            policy=INTERRUPTIBLE,
            unseen=PLAYING,
        ),
        script(
            "A turn that has words is answered with those in time",
            at(1.00, speech, started("item_1")),
            at(1.40, word("Hello."), user_word("item_1", "Hello.")),
            at(1.60, pause, stopped("item_1"), RequestFlush(1)),
            at(1.70, RecognizerLost()),
            due(
                2.60,
                TurnEndedNotice("item_1", "Hello.", DETECTED),
                prepare("reply_1", "item_2", user("Hello.")),
            ),
        ),
        script(
            "Noise that opened a turn is not found to be noise",
            at(1.00, speech, started("item_1")),
            at(2.00, RecognizerLost()),
            nothing(until=10.00),
            at(10.00, RecognizerChanged(None)),
            due(18.00, TurnDiscardedNotice("item_1")),
        ),
        script(
            "No silence is broken that nobody has heard",
            at(5.50, RecognizerLost()),
            nothing(until=12.00),
            at(12.00, RecognizerChanged(None)),
            due(
                14.00,
                stopped("item_3", SILENCE),
                TurnEndedNotice("item_3", SILENCE_MARK, SILENCE),
                prepare("reply_2", "item_4", user("Well?"), assistant("One two three four."), user(SILENCE_MARK)),
            ),
            given=(*ANSWERED, time_passes(until=5.0)),
            policy=Policy(silence_timeout=2.0),
        ),
    ),
)

TEXT_FAILED = Rule(
    "The language model fails",
    "A model that fails before it has written a word is apologised for. One that breaks off is asked for the rest, and "
    "shown what it has written. What it had written when it is given up is said, and that is the reply.",
    (
        script(
            "Before the first word: the person hears an apology",
            at(
                1.50,
                ReplyTextFailed("reply_1"),
                CancelReply("reply_1", CancelCause.FAILED, "", 0.0),
                prepare("reply_2", "item_3", user("Well?"), script=APOLOGY),
            ),
            *answered("reply_2", "Sorry.", 2.0),
            due(2.18, ReplyReleasedNotice("reply_2", "Sorry.", 0.5)),
            due(2.50, ReplyFinishedNotice("reply_2", "Sorry.")),
            nothing(until=60.0),
            given=ASKED,
            unseen=PLAYING,
        ),
        script(
            "The apology is part of the conversation",
            at(
                4.00,
                UserTyped("Well?"),
                TurnEndedNotice("item_4", "Well?", TYPED),
                prepare("reply_3", "item_5", user("Well?"), assistant("Sorry."), user("Well?")),
            ),
            given=(
                *ASKED,
                at(1.5, ReplyTextFailed("reply_1")),
                *answered("reply_2", "Sorry.", 2.0),
                time_passes(until=3.0),
            ),
        ),
        script(
            "A blank is not a word",
            at(
                1.60,
                ReplyTextFailed("reply_1"),
                CancelReply("reply_1", CancelCause.FAILED, "", 0.0),
                prepare("reply_2", "item_3", user("Well?"), script=APOLOGY),
            ),
            given=(*ASKED, at(1.5, ReplyTextArrived("reply_1", " "))),
        ),
        script(
            "After words: the model is asked for the rest, at most twice, and then what there is, is said",
            at(1.60, ReplyTextFailed("reply_1"), resume_text("reply_1", user("Well?"), assistant("One"))),
            at(1.70, ReplyTextArrived("reply_1", " two"), ReplyTextNotice("reply_1", " two")),
            at(1.80, ReplyTextFailed("reply_1"), resume_text("reply_1", user("Well?"), assistant("One two"))),
            at(1.90, ReplyTextFailed("reply_1"), AbandonText("reply_1")),
            at(1.90, ReplyTextCompleted("reply_1"), ReplyTextDoneNotice("reply_1", " One two")),
            nothing(until=2.00),
            given=(*ASKED, at(1.5, ReplyTextArrived("reply_1", " One"))),
        ),
        script(
            "If asking again cannot help, the model is not asked",
            at(1.60, ReplyTextFailed("reply_1", lasting=True), AbandonText("reply_1")),
            given=(*ASKED, at(1.5, ReplyTextArrived("reply_1", " One"))),
        ),
        script(
            "While the person speaks again, the apology waits, and a word cancels it",
            at(1.60, speech, started("item_3")),
            at(
                1.70,
                ReplyTextFailed("reply_1"),
                CancelReply("reply_1", CancelCause.FAILED, "", 0.0),
                prepare("reply_2", "item_4", user("Well?"), script=APOLOGY),
            ),
            at(1.80, audio("reply_2", 1.0)),
            at(
                2.00,
                word("Hello?"),
                CancelReply("reply_2", CancelCause.WORD_RECOGNIZED, "", 0.0),
                user_word("item_3", "Hello?"),
            ),
            nothing(until=60.0),
            given=ASKED,
            policy=INTERRUPTIBLE,
        ),
    ),
)

HALF_SPOKEN = (
    *ASKED,
    *(at(2.0, ReplyTextArrived("reply_1", f" {text}")) for text in ("One", "two", "three")),
    at(2.0, ReplyWordTimed("reply_1", "One", 0.0, 0.2)),
    at(2.0, ReplyWordTimed("reply_1", "two", 0.2, 0.6)),
    at(2.0, audio("reply_1", 0.4)),
)
"""Of "One two three" 0.4 s have been synthesised: all of "One" and half of "two"."""

SPEECH_RESUMED = Rule(
    "The synthesis is lost",
    "Another synthesis goes on with the first word that has not wholly become sound. What there is of the reply is "
    "heard meanwhile. A reply that no synthesis brings forward is given up after a while.",
    (
        script(
            "Before any audio: the whole reply is spoken by another",
            at(1.60, ReplyAudioFailed("reply_1"), ResumeSynthesis("reply_1", Position(0, 0))),
            at(1.90, ReplyWordTimed("reply_1", "One", 0.0, 0.2)),
            at(
                1.90, audio("reply_1", 0.16), release("reply_1", 0.0, 0.16), ReplyWordNotice("reply_1", "One", 0.0, 0.2)
            ),
            given=(*ASKED, at(1.5, ReplyTextArrived("reply_1", " One"))),
        ),
        script(
            "Half a word that was not released is dropped, and spoken as a whole; there is no gap",
            at(2.01, ReplyAudioFailed("reply_1"), ResumeSynthesis("reply_1", Position(1, samples(0.32)))),
            at(2.10, ReplyWordTimed("reply_1", "two", 0.32, 0.72)),
            at(2.10, audio("reply_1", 0.40), release("reply_1", 0.32, 0.08)),
            due(2.16, release("reply_1", 0.40, 0.08)),
            due(2.24, release("reply_1", 0.48, 0.08)),
            due(2.32, release("reply_1", 0.56, 0.08)),
            given=HALF_SPOKEN,
            unseen=(ReplyWordNotice,),
        ),
        script(
            "Whole words that were not released stay",
            at(2.01, ReplyAudioFailed("reply_1"), ResumeSynthesis("reply_1", Position(2, samples(0.6)))),
            given=(*HALF_SPOKEN, at(2.005, audio("reply_1", 0.3))),
        ),
        script(
            "A word is announced once, however often its sound is lost",
            at(2.30, ReplyAudioFailed("reply_1"), ResumeSynthesis("reply_1", Position(1, samples(0.4)))),
            at(2.90, ReplyWordTimed("reply_1", "two", 0.4, 0.8)),
            at(2.90, audio("reply_1", 0.4)),
            at(2.95, ReplyTextCompleted("reply_1"), ReplyTextDoneNotice("reply_1", " One two three")),
            at(3.00, ReplyWordTimed("reply_1", "three", 0.8, 1.0)),
            at(3.00, audio("reply_1", 0.2)),
            at(3.00, ReplyAudioCompleted("reply_1")),
            due(
                3.30,
                ReplyWordNotice("reply_1", "three", 0.8, 1.0),
                ReplyReleasedNotice("reply_1", "One two three", 1.0),
            ),
            due(3.50, ReplyFinishedNotice("reply_1", "One two three")),
            given=(*HALF_SPOKEN, time_passes(until=2.25)),
            unseen=(ReleaseAudio,),
        ),
        script(
            "When only the end of the stream was lost, the reply is whole",
            at(2.02, ReplyAudioFailed("reply_1")),
            due(2.60, ReplyReleasedNotice("reply_1", "One two three", 0.9)),
            given=(
                *HALF_SPOKEN,
                at(2.0, ReplyTextArrived("reply_1", " —")),
                at(2.0, ReplyTextCompleted("reply_1")),
                at(2.01, ReplyWordTimed("reply_1", "three", 0.6, 0.9)),
                at(2.01, audio("reply_1", 0.5)),
            ),
            unseen=PLAYING,
        ),
        script(
            "A written word of which a part was spoken is spoken again",
            at(2.02, ReplyAudioFailed("reply_1"), ResumeSynthesis("reply_1", Position(1, samples(0.32)))),
            given=(
                *ASKED,
                at(2.0, ReplyTextArrived("reply_1", " Some")),
                at(2.0, ReplyTextArrived("reply_1", " well-known")),
                at(2.0, ReplyWordTimed("reply_1", "Some", 0.0, 0.3, written=1)),
                at(2.0, ReplyWordTimed("reply_1", "well", 0.3, 0.6, written=1)),
                at(2.0, audio("reply_1", 0.7)),
            ),
        ),
        script(
            "Six that bring it no further are enough",
            *(at(1.6 + n / 10, ReplyAudioFailed("reply_1"), ResumeSynthesis("reply_1", Position())) for n in range(6)),
            at(
                2.20,
                ReplyAudioFailed("reply_1"),
                WarnOfLostVoice("reply_1"),
                CancelReply("reply_1", CancelCause.FAILED, "", 0.0),
            ),
            given=(*ASKED, at(1.5, ReplyTextArrived("reply_1", " One"))),
        ),
        script(
            "So are five seconds",
            at(2.00, ReplyAudioFailed("reply_1"), ResumeSynthesis("reply_1", Position())),
            at(6.90, ReplyAudioFailed("reply_1"), ResumeSynthesis("reply_1", Position())),
            at(
                7.00,
                ReplyAudioFailed("reply_1"),
                WarnOfLostVoice("reply_1"),
                CancelReply("reply_1", CancelCause.FAILED, "", 0.0),
            ),
            given=(*ASKED, at(1.5, ReplyTextArrived("reply_1", " One"))),
        ),
        script(
            "They count from the last word that was spoken",
            at(2.00, ReplyAudioFailed("reply_1"), ResumeSynthesis("reply_1", Position())),
            at(6.00, ReplyWordTimed("reply_1", "One", 0.0, 0.2)),
            at(6.00, audio("reply_1", 0.24)),
            at(7.10, ReplyAudioFailed("reply_1"), ResumeSynthesis("reply_1", Position(1, samples(0.24)))),
            at(12.00, ReplyAudioFailed("reply_1"), ResumeSynthesis("reply_1", Position(1, samples(0.24)))),
            at(
                12.10,
                ReplyAudioFailed("reply_1"),
                WarnOfLostVoice("reply_1"),
                CancelReply("reply_1", CancelCause.FAILED, "One", 0.24),
            ),
            given=(*ASKED, *(at(1.5, ReplyTextArrived("reply_1", text)) for text in (" One", " two"))),
            unseen=PLAYING,
        ),
        script(
            "Where no word was timed in two seconds of sound, nothing tells how to go on",
            at(
                5.00,
                ReplyAudioFailed("reply_1"),
                WarnOfLostVoice("reply_1"),
            ),
            given=(*ASKED, at(2.0, ReplyTextArrived("reply_1", " One")), at(2.0, audio("reply_1", 4.0))),
            unseen=PLAYING,
        ),
    ),
)

SPEECH_FAILED = Rule(
    "The voice is lost",
    "A reply that no synthesis can speak is cancelled, and it is the person's turn. One that could be spoken in part "
    "is heard that far; words that never became sound are not part of it.",
    (
        script(
            "Before any audio: the reply is dropped, and the silence clock starts",
            at(
                1.60,
                ReplyAudioFailed("reply_1", lasting=True),
                WarnOfLostVoice("reply_1"),
                CancelReply("reply_1", CancelCause.FAILED, "", 0.0),
            ),
            due(
                8.60,
                stopped("item_3", SILENCE),
                TurnEndedNotice("item_3", "...", SILENCE),
                prepare("reply_2", "item_4", user("Well?")),
            ),
            given=(*ASKED, at(1.5, ReplyTextArrived("reply_1", " One"))),
            policy=Policy(silence_timeout=7.0),
        ),
        script(
            "After some audio: that is heard, and remembered as far as it made whole words",
            at(2.01, ReplyAudioFailed("reply_1", lasting=True), WarnOfLostVoice("reply_1")),
            due(2.08, release("reply_1", 0.32, 0.08)),
            due(2.40, CancelReply("reply_1", CancelCause.FAILED, "One", 0.4)),
            nothing(until=60.0),
            given=HALF_SPOKEN,
        ),
        script(
            "What the model still writes after that changes nothing",
            at(2.01, ReplyAudioFailed("reply_1", lasting=True), WarnOfLostVoice("reply_1")),
            at(2.05, ReplyTextArrived("reply_1", " four."), ReplyTextNotice("reply_1", " four.")),
            at(2.06, ReplyTextCompleted("reply_1"), ReplyTextDoneNotice("reply_1", " One two three four.")),
            due(2.08, release("reply_1", 0.32, 0.08)),
            due(2.40, CancelReply("reply_1", CancelCause.FAILED, "One", 0.4)),
            given=HALF_SPOKEN,
        ),
        script(
            "A word that was being heard when its end failed to come has been told, and is not remembered",
            at(2.30, ReplyAudioFailed("reply_1", lasting=True), WarnOfLostVoice("reply_1")),
            due(2.40, CancelReply("reply_1", CancelCause.FAILED, "One", 0.4)),
            given=(*HALF_SPOKEN, time_passes(until=2.25)),
        ),
        script(
            "The conversation goes on with what was heard",
            at(
                4.00,
                UserTyped("And?"),
                TurnEndedNotice("item_3", "And?", TYPED),
                prepare("reply_2", "item_4", user("Well?"), assistant("One"), user("And?")),
            ),
            given=(
                *HALF_SPOKEN,
                at(2.01, ReplyAudioFailed("reply_1", lasting=True), WarnOfLostVoice("reply_1")),
                time_passes(until=3.0),
            ),
        ),
        script(
            "While the person speaks again, a reply that cannot be spoken is gone when they turn out to say nothing",
            at(1.60, speech, started("item_3")),
            at(
                1.70,
                ReplyAudioFailed("reply_1", lasting=True),
                WarnOfLostVoice("reply_1"),
                CancelReply("reply_1", CancelCause.FAILED, "", 0.0),
            ),
            at(1.90, pause, stopped("item_3"), RequestFlush(2)),
            at(2.00, Flushed(2), TurnDiscardedNotice("item_3")),
            due(
                9.00,
                stopped("item_4", SILENCE),
                TurnEndedNotice("item_4", "...", SILENCE),
                prepare("reply_2", "item_5", user("Well?")),
            ),
            given=ASKED,
            policy=Policy(silence_timeout=7.0, uninterruptible_window=0.0),
        ),
    ),
)
