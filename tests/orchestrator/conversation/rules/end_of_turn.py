"""How long a turn waits for the person to go on, and what becomes of words that come too late."""

from dataclasses import replace

from orchestrator.conversation import Policy
from orchestrator.conversation.actions import (
    Action,
    CancelCause,
    CancelReply,
    EndCause,
    EndConversation,
    ReplyHeldNotice,
    ReplyResumedNotice,
    RequestFlush,
    SpeechStartedNotice,
    SpeechStoppedNotice,
    TurnDiscardedNotice,
    TurnEndedNotice,
    UserWordNotice,
    WarnOfLostVoice,
)
from orchestrator.conversation.events import Flushed, RecognizerChanged, ReplyAudioFailed, UserTyped, WordRecognized
from tests.orchestrator.conversation.notation import (
    ANSWERED,
    DETECTED,
    HEARING,
    INTERRUPTIBLE,
    PLAYING,
    SILENCE,
    TYPED,
    WORD,
    assistant,
    audio,
    microphone,
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
from tests.orchestrator.conversation.script import Row, Rule, at, due, nothing, script, time_passes


def said(*words: str) -> tuple[Row, ...]:
    """Return the rows in which item_1 is spoken, from 1.00 on, and pauses at 1.70."""
    return (at(1.00, speech), *(at(1.50, word(each)) for each in words), at(1.70, pause))


def ended(text: str) -> tuple[Action, Action]:
    """Return what ends and answers item_1."""
    return TurnEndedNotice("item_1", text, DETECTED), prepare("reply_1", "item_2", user(text))


def late(text: str, start: float) -> WordRecognized:
    """Return a word that was spoken before the pause at 1.70."""
    return WordRecognized(text, start, start + 0.3)


def user_word_at(item_id: str, text: str, start: float) -> UserWordNotice:
    """Return what the client learns of it."""
    return UserWordNotice(item_id, text, start, start + 0.3)


WAITING = Rule(
    "Unfinished turns wait",
    "A pause ends a turn whose words read as finished as soon as they are complete. Words that lead on to more, and "
    "digits that are read out, wait 0.9 s from the pause on; a session may ask for longer. Speech goes on with it.",
    (
        script(
            "Words that lead on wait",
            at(1.90, Flushed(1)),
            due(2.60, *ended("I would like to")),
            given=said("I", "would", "like", "to"),
        ),
        script(
            "Digits that are read out wait",
            at(1.90, Flushed(1)),
            due(2.60, *ended("five five five")),
            given=said("five", "five", "five"),
        ),
        script(
            "The person goes on: it is one turn",
            at(1.90, Flushed(1)),
            at(2.30, speech, started("item_1")),
            at(2.80, word("one."), user_word("item_1", "one.")),
            at(3.00, pause, stopped("item_1"), RequestFlush(2)),
            at(3.10, Flushed(2)),
            due(3.90, *ended("five five one.")),
            given=said("five", "five"),
        ),
        script(
            "A word that completes the turn while it waits ends it",
            at(1.90, Flushed(1)),
            at(2.10, word("go."), user_word("item_1", "go."), *ended("I want to go.")),
            given=said("I", "want", "to"),
        ),
        script(
            "Words that read as finished wait as long as the session asks for",
            at(1.90, Flushed(1)),
            due(2.30, *ended("Hello.")),
            given=said("Hello."),
            policy=Policy(end_of_turn_delay=0.6),
        ),
        script(
            "A word that comes meanwhile does not end the wait",
            at(1.90, Flushed(1)),
            at(2.00, late("six", 1.30), user_word_at("item_1", "six", 1.30)),
            due(2.60, *ended("five six")),
            given=said("five"),
        ),
        script(
            "A noise is not waited for",
            at(1.00, speech, started("item_1")),
            at(1.70, pause, stopped("item_1"), RequestFlush(1)),
            at(1.80, Flushed(1), TurnDiscardedNotice("item_1")),
            policy=Policy(end_of_turn_delay=0.6),
        ),
        script(
            "The wait is over before the words are in: they end the turn",
            at(2.65, Flushed(1), *ended("I would like to")),
            given=said("I", "would", "like", "to"),
        ),
        script(
            "In another language other words lead on",
            at(1.90, Flushed(1)),
            due(2.60, *ended("Ich möchte ein")),
            given=said("Ich", "möchte", "ein"),
            policy=Policy(language="de"),
        ),
    ),
)

SLOW = (at(0.10, RecognizerChanged(2.5)),)

LIMITS = Rule(
    "How long the last words are waited for",
    "A recogniser may say how long it takes to answer a flush. What it has not heard yet is added.",
    (
        script(
            "Its own limit counts instead of 1 s",
            nothing(until=4.10),
            due(4.20, *ended("Hello.")),
            given=(*SLOW, *said("Hello.")),
        ),
        script(
            "Another recogniser that states none has 1 s",
            due(2.70, *ended("Hello.")),
            given=(*SLOW, at(0.20, RecognizerChanged(None)), *said("Hello.")),
        ),
        script(
            "One that is behind by 1 s has a second more",
            at(0.90, microphone(0.9)),
            at(1.00, speech, started("item_1")),
            at(1.50, word("Hello."), user_word("item_1", "Hello.")),
            at(1.60, microphone(1.8)),
            at(1.70, pause, stopped("item_1"), RequestFlush(1)),
            due(3.70, *ended("Hello.")),
            microphone_is_open=False,
        ),
    ),
)


OVERDUE = Rule(
    "Words that come too late",
    "A turn whose flush was not answered in time ends with the words there are. A word spoken before the pause still "
    "belongs to it: while nothing of the answer has been heard, it opens a turn that ends with the flush, and both get "
    "one answer; afterwards the word is only remembered.",
    (
        script(
            "The answer is prepared anew, to all the words",
            due(2.70, *ended("Where")),
            at(
                2.90,
                late("are", 1.10),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "", 0.0),
                SpeechStartedNotice("item_3", 1.10, WORD),
                user_word_at("item_3", "are", 1.10),
                SpeechStoppedNotice("item_3", 1.70, DETECTED),
            ),
            at(3.00, late("you?", 1.30), user_word_at("item_3", "you?", 1.30)),
            at(
                3.10,
                Flushed(1),
                TurnEndedNotice("item_3", "are you?", DETECTED),
                prepare("reply_2", "item_4", user("Where are you?")),
            ),
            given=said("Where"),
        ),
        script(
            "A flush that is still not answered ends it after another second",
            due(2.70, *ended("Where")),
            at(
                2.90,
                late("now?", 1.40),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "", 0.0),
                SpeechStartedNotice("item_3", 1.40, WORD),
                user_word_at("item_3", "now?", 1.40),
                SpeechStoppedNotice("item_3", 1.70, DETECTED),
            ),
            due(
                3.90,
                TurnEndedNotice("item_3", "now?", DETECTED),
                prepare("reply_2", "item_4", user("Where now?")),
            ),
            given=said("Where"),
        ),
        script(
            "A turn that was discarded for want of words is one after all",
            due(2.70, TurnDiscardedNotice("item_1")),
            at(
                2.90,
                late("Yes.", 1.10),
                SpeechStartedNotice("item_2", 1.10, WORD),
                user_word_at("item_2", "Yes.", 1.10),
                SpeechStoppedNotice("item_2", 1.70, DETECTED),
            ),
            at(
                3.10,
                Flushed(1),
                TurnEndedNotice("item_2", "Yes.", DETECTED),
                prepare("reply_1", "item_3", user("Yes.")),
            ),
            given=said(),
        ),
        script(
            "While the answer is heard the word is remembered, and the answer goes on",
            due(2.70, *ended("Where")),
            at(2.80, audio("reply_1", 0.16), release("reply_1", 0.0, 0.16)),
            at(2.90, late("now?", 1.10), user_word_at("item_1", "now?", 1.10)),
            at(
                2.95,
                UserTyped("Go on."),
                CancelReply("reply_1", CancelCause.TYPED, "", 0.15),
                TurnEndedNotice("item_3", "Go on.", TYPED),
                prepare("reply_2", "item_4", user("Where now? Go on.")),
            ),
            given=said("Where"),
        ),
        script(
            "It joins its own turn also after one that was typed",
            due(2.70, *ended("Where")),
            at(
                2.80,
                UserTyped("Go on."),
                CancelReply("reply_1", CancelCause.TYPED, "", 0.0),
                TurnEndedNotice("item_3", "Go on.", TYPED),
                prepare("reply_2", "item_4", user("Where Go on.")),
            ),
            at(2.85, audio("reply_2", 0.16), release("reply_2", 0.0, 0.16)),
            at(2.90, late("now?", 1.10), user_word_at("item_1", "now?", 1.10)),
            at(
                2.95,
                UserTyped("Please."),
                CancelReply("reply_2", CancelCause.TYPED, "", 0.1),
                TurnEndedNotice("item_5", "Please.", TYPED),
                prepare("reply_3", "item_6", user("Where now? Go on. Please.")),
            ),
            given=said("Where"),
        ),
        script(
            "Where the turn had no words there is none that it could join",
            due(2.70, TurnDiscardedNotice("item_1")),
            at(
                2.80,
                UserTyped("Hi."),
                TurnEndedNotice("item_2", "Hi.", TYPED),
                prepare("reply_1", "item_3", user("Hi.")),
            ),
            at(2.85, audio("reply_1", 0.16), release("reply_1", 0.0, 0.16)),
            at(
                2.90,
                late("Yes.", 1.10),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "", 0.05),
                SpeechStartedNotice("item_4", 1.10, WORD),
                user_word_at("item_4", "Yes.", 1.10),
            ),
            given=said(),
        ),
        script(
            "A word that was spoken after the pause is new",
            due(2.70, *ended("Where")),
            at(
                3.10,
                word("Stop."),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "", 0.0),
                started("item_3", WORD),
                user_word("item_3", "Stop."),
            ),
            given=said("Where"),
        ),
        script(
            "When the flush is answered at last, nothing more belongs to that turn",
            due(2.70, *ended("Where")),
            at(2.80, Flushed(1)),
            at(
                2.90,
                late("are", 1.10),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "", 0.0),
                SpeechStartedNotice("item_3", 1.10, WORD),
                user_word_at("item_3", "are", 1.10),
            ),
            given=said("Where"),
        ),
    ),
)


def prompted(reply_id: str, last: str = "...") -> Action:
    """Return what prepares a reply after "One two three four."."""
    number = int(reply_id.removeprefix("reply_"))
    return prepare(reply_id, f"item_{2 * number}", user("Well?"), assistant("One two three four."), user(last))


POLITE = replace(INTERRUPTIBLE, ignore_backchannels=True)

BACKCHANNELS = Rule(
    "Acknowledgements",
    "Where a session asks for it, somebody who only says that they listen is not answered, and the reply goes on. Any "
    "other word cuts it short.",
    (
        script(
            "An acknowledgement holds the reply, which then goes on",
            at(2.60, speech, ReplyHeldNotice("reply_1", 0.6), started("item_3")),
            at(2.90, word("Mhm."), user_word("item_3", "Mhm.")),
            at(3.20, pause, stopped("item_3"), RequestFlush(2)),
            at(3.30, Flushed(2), TurnDiscardedNotice("item_3"), ReplyResumedNotice("reply_1")),
            given=HEARING,
            policy=POLITE,
            unseen=PLAYING,
        ),
        script(
            "One that comes without detected speech does so too",
            at(
                2.90,
                word("Mhm."),
                ReplyHeldNotice("reply_1", 0.9),
                started("item_3", WORD),
                user_word("item_3", "Mhm."),
            ),
            given=HEARING,
            policy=POLITE,
            unseen=PLAYING,
        ),
        script(
            "Where detected speech alone interrupts, it is a word like any other",
            at(
                2.90,
                word("Mhm."),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "One", 0.9),
                started("item_3", WORD),
                user_word("item_3", "Mhm."),
            ),
            given=HEARING,
            policy=replace(POLITE, confirmation_time=0.0),
            unseen=PLAYING,
        ),
        script(
            "What begins with one and goes on is an interruption",
            at(2.60, speech, ReplyHeldNotice("reply_1", 0.6), started("item_3")),
            at(2.90, word("Yeah"), user_word("item_3", "Yeah")),
            at(
                3.20,
                word("but"),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "One", 0.88),
                user_word("item_3", "but"),
            ),
            given=HEARING,
            policy=POLITE,
            unseen=PLAYING,
        ),
        script(
            "Without the policy it is answered like anything else",
            at(2.60, speech, ReplyHeldNotice("reply_1", 0.6), started("item_3")),
            at(
                2.90,
                word("Mhm."),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "One", 0.88),
                user_word("item_3", "Mhm."),
            ),
            given=HEARING,
            policy=INTERRUPTIBLE,
            unseen=PLAYING,
        ),
        script(
            "As an answer to a question it is a turn",
            at(1.90, Flushed(1), *ended("Yeah.")),
            given=said("Yeah."),
            policy=POLITE,
        ),
        script(
            "A session may ask for more words than one",
            at(2.60, speech, ReplyHeldNotice("reply_1", 0.6), started("item_3")),
            at(2.90, word("Wait"), user_word("item_3", "Wait")),
            at(
                3.20,
                word("please"),
                CancelReply("reply_1", CancelCause.WORD_RECOGNIZED, "One", 0.88),
                user_word("item_3", "please"),
            ),
            given=HEARING,
            policy=replace(INTERRUPTIBLE, interruption_words=2),
            unseen=PLAYING,
        ),
    ),
)

TWICE = (
    due(11.68, stopped("item_3", SILENCE), TurnEndedNotice("item_3", "...", SILENCE), prompted("reply_2")),
    at(
        12.0,
        ReplyAudioFailed("reply_2", lasting=True),
        WarnOfLostVoice("reply_2"),
        CancelReply("reply_2", CancelCause.FAILED, "", 0.0),
    ),
    due(19.0, stopped("item_5", SILENCE), TurnEndedNotice("item_5", "...", SILENCE), prompted("reply_3")),
)
"""Two silences are broken."""

PROMPTED_ONCE = replace(INTERRUPTIBLE, silence_timeout=7.0, silence_prompts=1)

SILENCES = Rule(
    "Silence has an end",
    "After so many replies to silence as the session allows, the next silence ends the conversation.",
    (
        script(
            "The second silence ends it where one reply is allowed",
            due(11.68, stopped("item_3", SILENCE), TurnEndedNotice("item_3", "...", SILENCE), prompted("reply_2")),
            at(
                12.0,
                ReplyAudioFailed("reply_2", lasting=True),
                WarnOfLostVoice("reply_2"),
                CancelReply("reply_2", CancelCause.FAILED, "", 0.0),
            ),
            due(19.0, EndConversation(EndCause.SILENCE)),
            given=(*ANSWERED, time_passes(until=11.6)),
            policy=PROMPTED_ONCE,
        ),
        script(
            "The third one where two are",
            *TWICE,
            at(
                20.0,
                ReplyAudioFailed("reply_3", lasting=True),
                WarnOfLostVoice("reply_3"),
                CancelReply("reply_3", CancelCause.FAILED, "", 0.0),
            ),
            due(27.0, EndConversation(EndCause.SILENCE)),
            given=(*ANSWERED, time_passes(until=11.6)),
            policy=replace(PROMPTED_ONCE, silence_prompts=2),
        ),
        script(
            "None does where their number is 0",
            *TWICE,
            given=(*ANSWERED, time_passes(until=11.6)),
            policy=replace(PROMPTED_ONCE, silence_prompts=0),
        ),
        script(
            "Whoever types in between may be silent as often again",
            at(13.0, UserTyped("Yes?"), TurnEndedNotice("item_5", "Yes?", TYPED), prompted("reply_3", "Yes?")),
            at(
                14.0,
                ReplyAudioFailed("reply_3", lasting=True),
                WarnOfLostVoice("reply_3"),
                CancelReply("reply_3", CancelCause.FAILED, "", 0.0),
            ),
            due(
                21.0, stopped("item_7", SILENCE), TurnEndedNotice("item_7", "...", SILENCE), prompted("reply_4", "Yes?")
            ),
            given=(*ANSWERED, time_passes(until=11.7), at(12.0, ReplyAudioFailed("reply_2", lasting=True))),
            policy=PROMPTED_ONCE,
        ),
        script(
            "So may whoever speaks",
            at(13.0, word("Yes?"), started("item_5", WORD), user_word("item_5", "Yes?")),
            at(13.2, pause, stopped("item_5"), RequestFlush(2)),
            at(13.3, Flushed(2), TurnEndedNotice("item_5", "Yes?", DETECTED), prompted("reply_3", "Yes?")),
            at(
                14.0,
                ReplyAudioFailed("reply_3", lasting=True),
                WarnOfLostVoice("reply_3"),
                CancelReply("reply_3", CancelCause.FAILED, "", 0.0),
            ),
            due(
                21.0, stopped("item_7", SILENCE), TurnEndedNotice("item_7", "...", SILENCE), prompted("reply_4", "Yes?")
            ),
            given=(*ANSWERED, time_passes(until=11.7), at(12.0, ReplyAudioFailed("reply_2", lasting=True))),
            policy=PROMPTED_ONCE,
        ),
    ),
)
