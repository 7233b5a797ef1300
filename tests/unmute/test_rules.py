"""Each rule, broken: a checker that cannot fail shows nothing."""

import itertools
from collections.abc import Callable, Iterator
from dataclasses import replace
from typing import Any

import pytest

from tests.unmute.occurrences import Ended, Occurrence, Played, Received, Updated
from tests.unmute.pages import Page
from tests.unmute.rules import RULES, Rules
from tests.unmute.sheet import (
    AdditionalOutputs,
    AudioDelta,
    AudioDone,
    Constant,
    ErrorEvent,
    Event,
    Fault,
    Interrupted,
    Message,
    Outputs,
    Response,
    ResponseCreated,
    Session,
    SessionUpdated,
    SmallTalk,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    TextDone,
    TextReady,
    Transcribed,
)

_UNHEALTHY = "Server is not healthy: tts_up=False"
SESSION = Session(SmallTalk(language=None), "ada", allow_recording=False)
GREETING = Message("assistant", "Good morning.")
QUESTION = Message("user", "What time")
HEAD = b"OpusHead\1\1\0\x0f\xc0\x5d\0\0\0\0\0"
TAGS = b"OpusTags" + bytes(8)
PACKET = b"\x08\0"

_serials = itertools.count()


def _id() -> str:
    return f"event_{next(_serials):021}"


def sound(sequence: int, pages: int = 1, **changes: Any) -> AudioDelta:
    """Pages of 40 ms, the header pages before them where the stream begins."""

    def page(number: int, body: bytes) -> bytes:
        flags, granule = (2 if number == 0 else 0), max(0, number - 1) * 1_920
        made = Page(flags, granule, serial=7, sequence=number, lacing=bytes((len(body),)), body=body)
        return bytes(replace(made, **changes)) if body is PACKET else bytes(made)

    headers = [page(0, HEAD), page(1, TAGS)] if sequence == 2 else []
    return AudioDelta(
        event_id=_id(), delta=b"".join([*headers, *(page(sequence + more, PACKET) for more in range(pages))])
    )


def outputs(*history: Message) -> AdditionalOutputs:
    return AdditionalOutputs(event_id=_id(), args=Outputs(list(history), {}, []))


def created(*history: Message) -> ResponseCreated:
    return ResponseCreated(
        event_id=_id(), response=Response("realtime.response", "in_progress", "missing", list(history))
    )


def fault(kind: str, message: str = "no room") -> ErrorEvent:
    return ErrorEvent(event_id=_id(), error=Fault(kind, None, message, None, None))  # type: ignore[arg-type]


def ready(word: str) -> TextReady:
    return TextReady(event_id=_id(), delta=word)


def whole(text: str) -> TextDone:
    return TextDone(event_id=_id(), text=text)


def spoken(word: str) -> TextDelta:
    return TextDelta(event_id=_id(), delta=word)


def heard(word: str, start_s: float = 1.0) -> Transcribed:
    return Transcribed(event_id=_id(), delta=word, start_time=start_s)


def started() -> SpeechStarted:
    return SpeechStarted(event_id=_id())


def stopped() -> SpeechStopped:
    return SpeechStopped(event_id=_id())


def interrupted() -> Interrupted:
    return Interrupted(event_id=_id())


def done() -> AudioDone:
    return AudioDone(event_id=_id())


def updated(session: Session = SESSION) -> SessionUpdated:
    return SessionUpdated(event_id=_id(), session=session)


Step = Event | Occurrence


def _greeting() -> list[Step]:
    """The first reply, up to its end."""
    return [
        Updated(0.0, SESSION),
        Played(0.1, 0.08),
        created(),
        updated(),
        ready("Good"),
        ready(" morning."),
        sound(2),
        spoken("Good"),
        whole("Good morning."),
        spoken("morning."),
        sound(3),
        outputs(GREETING),
        done(),
    ]


def _question() -> list[Step]:
    """After it, a question and what comes before its answer."""
    return [Played(0.2, 2.0, speech=True), heard("What"), started(), heard("time", 1.5), stopped()]


def _answer(sequence: int = 4) -> list[Step]:
    return [
        created(GREETING, QUESTION),
        ready("Noon."),
        whole("Noon."),
        sound(sequence),
        spoken("Noon."),
        sound(sequence + 1),
        outputs(GREETING, QUESTION, Message("assistant", "Noon.")),
        done(),
    ]


def _left() -> list[Step]:
    return [Ended(90.0, 1000, by_client=True)]


def broken(*steps: Step) -> list[str]:
    """The rules that are broken by these steps, half a second after each other where they do not say when."""
    rules = Rules()
    at = 0.0
    for step in steps:
        if isinstance(step, Updated | Played | Received | Ended):
            rules.see(step)
            at = max(at, step.at)
        else:
            at += 0.03
            rules.see(Received(at, step))
    return [violation.rule for violation in rules.violations]


def without(steps: list[Step], *kinds: type) -> Iterator[Step]:
    return (step for step in steps if not isinstance(step, kinds))


GOOD: dict[str, Callable[[], list[Step]]] = {
    "a conversation": lambda: [*_greeting(), *_question(), *_answer(), *_left()],
    "late words": lambda: [*_greeting(), *_question(), heard("is", 1.7), *_answer()],
    "speech that resumes": lambda: [*_greeting(), *_question(), heard("is", 1.7), started(), stopped(), *_answer()],
    "an interruption by detection": lambda: [
        *_greeting()[:9],
        sound(3),
        interrupted(),
        *_question(),
        *_answer(),
    ],
    "an interruption by a word": lambda: [
        *_greeting()[:9],
        Played(0.2, 2.0, speech=True),
        heard("What"),
        sound(3),
        interrupted(),
        started(),
        heard("time", 1.5),
        stopped(),
        *_answer(),
    ],
    "an interruption of what was released": lambda: [*_greeting(), interrupted(), *_question(), *_answer()],
    "a silence": lambda: [*_greeting(), Received(8.6, stopped()), *_answer()],
    "errors before anything": lambda: [fault("invalid_request_error"), fault("fatal"), Ended(1.0, 1013)],
    "settings that change": lambda: [
        *_greeting(),
        Updated(3.0, Session(None, None, allow_recording=True)),
        updated(Session(None, None, allow_recording=True)),
        fault("warning"),
    ],
    "a goodbye": lambda: [*_goodbye(), Ended(9.0, 1000)],
    "a failure": lambda: [*_greeting()[:6], fault("fatal", "Something went wrong."), Ended(2.0, 1011, "Something")],
    "no health": lambda: [fault("fatal", _UNHEALTHY), Ended(0.1, 1011, _UNHEALTHY)],
}


def _goodbye() -> list[Step]:
    return [
        Updated(0.0, SESSION),
        Played(0.1, 0.08),
        created(),
        updated(),
        ready("Bye!"),
        whole("Bye!"),
        sound(2),
        spoken("Bye!"),
        outputs(Message("assistant", "Bye!")),
        done(),
    ]


BAD: dict[str, tuple[str, Callable[[], list[Step]]]] = {
    "an event before the settings": ("SpeaksWhenSpokenTo", lambda: [Played(0.1, 0.08), outputs()]),
    "an id twice": ("EventIdsDiffer", lambda: [*_greeting(), *[fault("warning")] * 2]),
    "an update that nobody sent": ("UpdatesAreEchoed", lambda: [*_greeting(), updated()]),
    "another voice": (
        "UpdatesAreEchoed",
        lambda: [Updated(0.0, SESSION), updated(Session(SESSION.instructions, "eve", allow_recording=False))],
    ),
    "another character": (
        "UpdatesAreEchoed",
        lambda: [
            Updated(0.0, SESSION),
            updated(Session(Constant("Hi.", language=None), "ada", allow_recording=False)),
        ],
    ),
    "an update without an answer": ("UpdatesAreEchoed", lambda: [*without(_greeting(), SessionUpdated), *_left()]),
    "a greeting without sound": ("GreetingNeedsBoth", lambda: [*without(_greeting(), Played)]),
    "a greeting without instructions": (
        "GreetingNeedsBoth",
        lambda: [Updated(0.0, Session(None, None, allow_recording=False)), Played(0.1, 0.08), created()],
    ),
    "two replies at once": ("OneReplyAtATime", lambda: [*_greeting()[:-1], *_question(), created()]),
    "sound before a reply": ("OneReplyAtATime", lambda: [*without(_greeting(), ResponseCreated)]),
    "sound after the end": ("OneReplyAtATime", lambda: [*_greeting(), sound(4)]),
    "sound after the interruption": ("OneReplyAtATime", lambda: [*_greeting()[:9], interrupted(), sound(3)]),
    "a word after the interruption": ("OneReplyAtATime", lambda: [*_greeting()[:9], interrupted(), spoken("morning.")]),
    "the end after the interruption": (
        "OneReplyAtATime",
        lambda: [*_greeting()[:9], interrupted(), *_greeting()[-2:]],
    ),
    "an interruption of nothing": ("OneReplyAtATime", lambda: [Updated(0.0, SESSION), interrupted()]),
    "an interruption long after": ("OneReplyAtATime", lambda: [*_greeting(), Received(5.0, interrupted())]),
    "two interruptions": ("OneReplyAtATime", lambda: [*_greeting()[:9], interrupted(), interrupted()]),
    "a word of the model after its end": ("RepliesAreWhole", lambda: [*_greeting()[:9], ready(" Hi.")]),
    "the model's end twice": ("RepliesAreWhole", lambda: [*_greeting()[:9], whole("Good morning.")]),
    "another text": ("RepliesAreWhole", lambda: [*_greeting()[:6], whole("Good evening.")]),
    "speech before the model's words": ("RepliesAreWhole", lambda: [*without(_greeting(), TextReady)]),
    "no text": ("RepliesAreWhole", lambda: [*without(_greeting(), TextDone)]),
    "no sound": ("RepliesAreWhole", lambda: [*without(_greeting(), AudioDelta)]),
    "no outputs": ("OutputsComeBeforeTheEnd", lambda: [*without(_greeting(), AdditionalOutputs)]),
    "outputs too early": ("OutputsComeBeforeTheEnd", lambda: [*_greeting()[:-1], spoken("Hi."), done()]),
    "an empty history": ("OutputsComeBeforeTheEnd", lambda: [*_greeting()[:-2], outputs(), done()]),
    "a history that ends with the user": (
        "OutputsComeBeforeTheEnd",
        lambda: [*_greeting()[:-2], outputs(GREETING, QUESTION), done()],
    ),
    "a history of other words": (
        "OutputsComeBeforeTheEnd",
        lambda: [*_greeting()[:-2], outputs(Message("assistant", "Good")), done()],
    ),
    "idle outputs all the time": ("OutputsWhenIdleAreRare", lambda: [*_greeting(), *(outputs() for _ in range(4))]),
    "a word with a space": ("WordsAreWords", lambda: [*_greeting()[:9], spoken(" morning.")]),
    "an empty word": ("WordsAreWords", lambda: [*_greeting(), Played(0.2, 2.0, speech=True), heard("")]),
    "two words at once": ("WordsAreWords", lambda: [*_greeting(), Played(0.2, 2.0, speech=True), heard("What time")]),
    "the model's space behind its word": ("WordsAreWords", lambda: [*_greeting()[:4], ready("Good ")]),
    "a word out of silence": ("NoWordsWithoutSpeech", lambda: [*_greeting(), Played(0.2, 2.0), *_question()[1:]]),
    "a word from the future": (
        "NoWordsWithoutSpeech",
        lambda: [*_greeting(), Played(0.2, 2.0, speech=True), heard("What", 3.0)],
    ),
    "words that go back": ("NoWordsWithoutSpeech", lambda: [*_greeting(), *_question()[:-1], heard("is", 0.5)]),
    "a start without a word": ("UserTurnsHaveAnOrder", lambda: [*_greeting(), started()]),
    "no start": ("UserTurnsHaveAnOrder", lambda: [*_greeting(), *without(_question(), SpeechStarted)]),
    "two starts": ("UserTurnsHaveAnOrder", lambda: [*_greeting(), *_question()[:3], started()]),
    "two stops": ("UserTurnsHaveAnOrder", lambda: [*_greeting(), *_question(), stopped()]),
    "no stop": ("UserTurnsHaveAnOrder", lambda: [*_greeting(), *without(_question(), SpeechStopped), *_answer()]),
    "a stop in a reply": ("UserTurnsHaveAnOrder", lambda: [*_greeting()[:9], stopped()]),
    "an impatient server": ("UserTurnsHaveAnOrder", lambda: [*_greeting(), Received(5.0, stopped())]),
    "an answer to nothing": ("UserTurnsHaveAnOrder", lambda: [*_greeting(), *_answer()]),
    "a reply that talks on": (
        "WordsInterrupt",
        lambda: [*_greeting()[:9], Played(0.2, 2.0, speech=True), heard("What"), started(), spoken("morning.")],
    ),
    "a second stream": ("OneOggStream", lambda: [*_greeting(), *_question(), *_answer(2)]),
    "a page that is missing": ("OneOggStream", lambda: [*_greeting(), *_question(), *_answer(5)]),
    "no header pages": ("OneOggStream", lambda: [*_greeting()[:6], sound(3)]),
    "another serial": ("OneOggStream", lambda: [*_greeting()[:8], sound(3, serial=8)]),
    "a position that does not rise": ("OneOggStream", lambda: [*_greeting()[:8], sound(3, granule=1_920)]),
    "a stream that ends": ("OneOggStream", lambda: [*_greeting()[:8], sound(3, flags=4)]),
    "a message without a page": (
        "OneOggStream",
        lambda: [*_greeting()[:8], AudioDelta(event_id=_id(), delta=b"")],
    ),
    "a page that is cut off": (
        "OneOggStream",
        lambda: [*_greeting()[:8], AudioDelta(event_id=_id(), delta=sound(3).delta[:-1])],
    ),
    "bytes that are no page": ("OneOggStream", lambda: [*_greeting()[:8], AudioDelta(event_id=_id(), delta=b"RIFF")]),
    "a whole reply at once": ("SoundIsPaced", lambda: [*_greeting()[:8], sound(3, pages=50)]),
    "an event after a fatal error": ("EndsAreExplained", lambda: [*_greeting(), fault("fatal"), stopped()]),
    "1000 without a goodbye": ("EndsAreExplained", lambda: [*_greeting(), Ended(3.0, 1000)]),
    "1000 after a failure": ("EndsAreExplained", lambda: [*_goodbye(), fault("fatal"), Ended(3.0, 1000)]),
    "1011 without a word": ("EndsAreExplained", lambda: [*_greeting(), Ended(3.0, 1011, "")]),
    "1011 with other words": ("EndsAreExplained", lambda: [fault("fatal"), Ended(3.0, 1011, "a bug")]),
    "1013 without a word": ("EndsAreExplained", lambda: [Ended(3.0, 1013)]),
    "a lost connection": ("EndsAreExplained", lambda: [*_greeting(), Ended(3.0, 1006)]),
}


@pytest.mark.parametrize("which", GOOD)
def test_what_is_in_order_passes(which: str) -> None:
    assert broken(*GOOD[which]()) == []


@pytest.mark.parametrize("which", BAD)
def test_what_is_not_in_order_is_noticed(which: str) -> None:
    rule, steps = BAD[which]
    assert rule in broken(*steps())


def test_each_rule_can_be_broken() -> None:
    assert {rule for rule, _ in BAD.values()} == {rule.__name__ for rule in RULES}


def test_a_violation_says_which_rule_and_where() -> None:
    rules = Rules()
    rules.see(Received(1.25, outputs()))
    assert [str(each) for each in rules.violations] == [
        "SpeaksWhenSpokenTo: unmute.additional_outputs before any session.update (#0 at 1.250 s)"
    ]
