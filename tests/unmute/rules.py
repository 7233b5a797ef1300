"""Every rule of order that real clients rely on, each an object that is shown what happens and says what was wrong.

    rules = Rules()
    rules.see(Updated(0.0, session))
    rules.see(Received(0.1, event))
    assert not rules.violations

Nothing here does I/O or reads a clock.
"""

from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Protocol

from tests.unmute.occurrences import Ended, Occurrence, Played, Received, Updated
from tests.unmute.pages import OpusStream
from tests.unmute.sheet import (
    AdditionalOutputs,
    AudioDelta,
    AudioDone,
    ErrorEvent,
    Event,
    Explanation,
    Instructions,
    Interrupted,
    Message,
    ResponseCreated,
    SessionUpdated,
    SpeechStarted,
    SpeechStopped,
    TextDelta,
    TextDone,
    TextReady,
    Transcribed,
    name,
)

ReplyEvent = TextReady | TextDone | TextDelta | AudioDelta | AudioDone

SILENCE_LIMIT_S = 7.0
RELEASE_LEAD_S = 0.32
_FLUSH_S = 0.08
_PACKET_S = 0.04
_LATE_S = 0.5
"""By how much a busy machine may delay a message; times are judged this leniently."""


@dataclass(frozen=True)
class Violation:
    """A rule that was broken, and by what."""

    rule: str
    complaint: str
    occurrence: Occurrence
    index: int
    """Which of the connection's occurrences it was."""

    def __str__(self) -> str:
        """What a person reads."""
        return f"{self.rule}: {self.complaint} (#{self.index} at {self.occurrence.at:.3f} s)"


class Rule(Protocol):
    """One thing that clients rely on."""

    def see(self, occurrence: Occurrence) -> Iterator[str]:
        """Take what happened next, and say what is wrong with it."""
        ...


class SpeaksWhenSpokenTo:
    """Nothing comes before the first `session.update`, but for errors."""

    def __init__(self) -> None:
        self._updated = False

    def see(self, occurrence: Occurrence) -> Iterator[str]:
        match occurrence:
            case Updated():
                self._updated = True
            case Received(event=ErrorEvent()):
                pass
            case Received(event=event) if not self._updated:
                yield f"{name(event)} before any session.update"


class EventIdsDiffer:
    """No two events have the same id."""

    def __init__(self) -> None:
        self._ids: set[str] = set()

    def see(self, occurrence: Occurrence) -> Iterator[str]:
        if isinstance(occurrence, Received):
            if occurrence.event.event_id in self._ids:
                yield f"{occurrence.event.event_id} twice"
            self._ids.add(occurrence.event.event_id)


class UpdatesAreEchoed:
    """Each `session.update` is answered once, in its order, with what it said and the defaults filled in."""

    def __init__(self) -> None:
        self._due: deque[Updated] = deque()

    def see(self, occurrence: Occurrence) -> Iterator[str]:
        match occurrence:
            case Updated():
                self._due.append(occurrence)
            case Received(event=SessionUpdated()) if not self._due:
                yield "session.updated for nothing"
            case Received(event=SessionUpdated(session=echo)):
                sent = self._due.popleft().session
                if (echo.voice, echo.allow_recording) != (sent.voice, sent.allow_recording):
                    yield f"voice and consent were {(sent.voice, sent.allow_recording)}, and are said to be {echo}"
                if not _is_echo(sent.instructions, echo.instructions):
                    yield f"the instructions were {sent.instructions}, and are said to be {echo.instructions}"
            case Ended(by_client=True) if self._due:
                yield f"{len(self._due)} session.update without an answer"


def _is_echo(sent: Instructions | None, echo: Instructions | None) -> bool:
    # Unmute reads no language here, so that a client may send one in vain.
    return sent == echo or (isinstance(sent, Explanation) and isinstance(echo, Explanation))


class GreetingNeedsBoth:
    """The first reply needs sound of the microphone and instructions."""

    def __init__(self) -> None:
        self._missing = {"instructions", "sound"}

    def see(self, occurrence: Occurrence) -> Iterator[str]:
        match occurrence:
            case Updated(session=session) if session.instructions is not None:
                self._missing.discard("instructions")
            case Played():
                self._missing.discard("sound")
            case Received(event=ResponseCreated()) if self._missing:
                yield f"a reply without {' and '.join(sorted(self._missing))}"


class OneReplyAtATime:
    """What belongs to a reply comes between its creation and its end, which is `audio.done` or the interruption.

    What was released is heard a moment later, so that a reply may still be interrupted right after `audio.done`.
    """

    def __init__(self) -> None:
        self._over: str | None = "before any reply"
        self._interruptible_until = 0.0

    def see(self, occurrence: Occurrence) -> Iterator[str]:
        match occurrence:
            case Received(event=ResponseCreated()):
                if self._over is None:
                    yield "a reply was created while another had not ended"
                self._over = None
            case Received(event=Interrupted(), at=at):
                if self._over and at > self._interruptible_until:
                    yield f"an interruption {self._over}"
                self._over, self._interruptible_until = "after its reply was interrupted", 0.0
            case Received(event=event, at=at) if isinstance(event, ReplyEvent):
                if self._over:
                    yield f"{name(event)} {self._over}"
                elif isinstance(event, AudioDone):
                    self._over = "after its reply had ended"
                    self._interruptible_until = at + RELEASE_LEAD_S + _LATE_S


class RepliesAreWhole:
    """A reply that ends by itself had words of the model, their whole text, and sound, in that order."""

    def __init__(self) -> None:
        self._ready: list[str] = []
        self._text: str | None = None
        self._sound = False

    def see(self, occurrence: Occurrence) -> Iterator[str]:
        match occurrence:
            case Received(event=ResponseCreated()):
                self._ready, self._text, self._sound = [], None, False
            case Received(event=TextReady(delta=word)):
                if self._text is not None:
                    yield f"the model's word {word!r} after the model had finished"
                self._ready.append(word)
            case Received(event=TextDone(text=text)):
                if self._text is not None:
                    yield "response.text.done twice"
                if text != "".join(self._ready):
                    yield f"the text {text!r} is not its words {''.join(self._ready)!r}"
                self._text = text
            case Received(event=AudioDelta() | TextDelta()):
                if not self._ready:
                    yield "speech before any word of the model"
                self._sound = self._sound or isinstance(occurrence.event, AudioDelta)
            case Received(event=AudioDone()):
                missing = {"sound": self._sound, "response.text.done": self._text is not None, "words": self._ready}
                yield from (f"a reply ended without {what}" for what, there in missing.items() if not there)


class OutputsComeBeforeTheEnd:
    """Right before `response.audio.done` come additional outputs, whose last entry is that reply, as it was spoken."""

    def __init__(self) -> None:
        self._last: Event | None = None
        self._spoken: list[str] = []

    def see(self, occurrence: Occurrence) -> Iterator[str]:
        match occurrence:
            case Received(event=ResponseCreated()):
                self._spoken = []
            case Received(event=TextDelta(delta=word)):
                self._spoken.append(word)
            case Received(event=AudioDone()):
                yield from self._judge()
        # Answers to what the client sends have no order towards the rest.
        if isinstance(occurrence, Received) and not isinstance(occurrence.event, SessionUpdated | ErrorEvent):
            self._last = occurrence.event

    def _judge(self) -> Iterator[str]:
        match self._last:
            case AdditionalOutputs(args=outputs):
                match outputs.chat_history:
                    case [*_, Message(role="assistant", content=content)]:
                        if content.split() != self._spoken:
                            yield f"the history ends with {content!r}, spoken was {' '.join(self._spoken)!r}"
                    case [*_, Message(content=content)]:
                        yield f"the history ends with the user's {content!r}"
                    case _:
                        yield "the history is empty"
            case event:
                yield f"audio.done came right after {name(event) if event else 'nothing'}"


class OutputsWhenIdleAreRare:
    """Additional outputs that end no reply come at most once a second of sound received."""

    def __init__(self) -> None:
        self._sent_s = 0.0
        self._idle = 0

    def see(self, occurrence: Occurrence) -> Iterator[str]:
        match occurrence:
            case Played(length_s=length_s):
                self._sent_s += length_s
            case Received(event=AdditionalOutputs()):
                self._idle += 1
                if self._idle > self._sent_s + 2:
                    yield f"{self._idle} of them in {self._sent_s:.1f} s of sound"
            case Received(event=AudioDone()):
                self._idle -= 1


class WordsAreWords:
    """Clients put the spaces between words, except between those of the model, which bring their own."""

    def see(self, occurrence: Occurrence) -> Iterator[str]:
        match occurrence:
            case Received(event=TextDelta(delta=word) | Transcribed(delta=word)) if word.split() != [word]:
                yield f"{name(occurrence.event)} is {word!r}"
            case Received(event=TextReady(delta=word)) if word.split() != [word.removeprefix(" ")]:
                yield f"{name(occurrence.event)} is {word!r}"


class NoWordsWithoutSpeech:
    """Nothing is transcribed before somebody spoke, nor from a place that was not reached; places never go back."""

    def __init__(self) -> None:
        self._sent_s = 0.0
        self._spoke = False
        self._place_s = 0.0

    def see(self, occurrence: Occurrence) -> Iterator[str]:
        match occurrence:
            case Played(length_s=length_s, speech=speech):
                self._sent_s += length_s
                self._spoke = self._spoke or speech
            case Received(event=Transcribed(delta=word, start_time=start_s)):
                if not self._spoke:
                    yield f"{word!r} was transcribed before anybody spoke"
                if start_s > self._sent_s:
                    yield f"{word!r} began at {start_s} s of {self._sent_s:.2f} s sent"
                if start_s < self._place_s:
                    yield f"{word!r} began at {start_s} s, after a word at {self._place_s} s"
                self._place_s = start_s


class UserTurnsHaveAnOrder:
    """A turn is: first word, `speech_started`, more words, `speech_stopped`, late words; only then comes the answer.

    A silence that is broken is `speech_stopped` alone. Speech that resumes before the answer may be told once more.
    """

    def __init__(self) -> None:
        self._greeted = False
        self._words = 0
        self._started = False
        self._stopped = False
        self._quiet_since: float | None = None

    def see(self, occurrence: Occurrence) -> Iterator[str]:
        match occurrence:
            case Received(event=Transcribed(delta=word)):
                if self._words and not self._started and not self._stopped:
                    yield f"a second word, {word!r}, before speech_started"
                self._words += 1
            case Received(event=SpeechStarted()):
                if not self._words:
                    yield "speech_started before the first word"
                if self._started and not self._stopped:
                    yield "speech_started twice"
                self._started, self._stopped = True, False
            case Received(event=SpeechStopped(), at=at):
                yield from self._stop(at)
            case Received(event=AudioDone() | Interrupted(), at=at):
                self._quiet_since = at
            case Received(event=ResponseCreated()):
                if self._greeted and not self._stopped:
                    yield "a reply before speech_stopped"
                self._greeted = True
                self._words, self._started, self._stopped = 0, False, False
                self._quiet_since = None

    def _stop(self, at: float) -> Iterator[str]:
        if self._stopped:
            yield "speech_stopped twice"
        elif self._words and not self._started:
            yield "speech_stopped without speech_started"
        elif not self._words and self._quiet_since is None:
            yield "speech_stopped while a reply goes on, and nothing was said"
        elif not self._words and self._quiet_since is not None and at - self._quiet_since < SILENCE_LIMIT_S - _LATE_S:
            yield f"a silence of {at - self._quiet_since:.2f} s was broken"
        self._stopped = True


class WordsInterrupt:
    """A word that is heard while a reply goes on interrupts it; what may still come of the reply is the flush."""

    def __init__(self) -> None:
        self._going_on = False
        self._word: str | None = None
        self._flushed = False

    def see(self, occurrence: Occurrence) -> Iterator[str]:
        match occurrence:
            case Received(event=ResponseCreated()):
                self._going_on, self._word = True, None
            case Received(event=Interrupted()):
                self._going_on, self._word = False, None
            case Received(event=Transcribed(delta=word)) if self._going_on:
                self._word, self._flushed = word, False
            case Received(event=AudioDelta()) if self._word and not self._flushed:
                self._flushed = True
            case Received(event=event) if self._word and isinstance(event, ReplyEvent):
                yield f"the reply goes on with {name(event)} although {self._word!r} was heard"
                self._word = None
        if isinstance(occurrence, Received) and isinstance(occurrence.event, AudioDone):
            self._going_on = False


class OneOggStream:
    """All sound of a connection is one Ogg stream of Opus, which one decoder takes, across interruptions too."""

    def __init__(self) -> None:
        self._stream = OpusStream()

    def see(self, occurrence: Occurrence) -> Iterator[str]:
        if isinstance(occurrence, Received) and isinstance(occurrence.event, AudioDelta):
            yield from self._stream.feed(occurrence.event.delta)


class SoundIsPaced:
    """Sound is sent at most the release lead before it is due, for the page plays whatever it has got."""

    def __init__(self) -> None:
        self._stream = OpusStream()
        self._began: tuple[float, float] | None = None
        """When the first sound of the reply came, and the stream's length before it."""

    def see(self, occurrence: Occurrence) -> Iterator[str]:
        match occurrence:
            case Received(event=ResponseCreated()):
                self._began = None
            case Received(event=AudioDelta(delta=pages), at=at):
                before_s = self._stream.length_s
                for _ in self._stream.feed(pages):
                    pass  # OneOggStream's business
                began, from_s = self._began = self._began or (at, before_s)
                lead_s = self._stream.length_s - from_s - (at - began)
                if lead_s > RELEASE_LEAD_S + _FLUSH_S + _PACKET_S + _LATE_S:
                    yield f"{lead_s:.2f} s of sound ahead"


class EndsAreExplained:
    """A fatal error is the last event, and the close code fits it; 1000 is a goodbye."""

    def __init__(self) -> None:
        self._fatal: str | None = None
        self._text = ""

    def see(self, occurrence: Occurrence) -> Iterator[str]:
        match occurrence:
            case Received(event=event) if self._fatal:
                yield f"{name(event)} after a fatal error"
            case Received(event=ErrorEvent(error=fault)) if fault.type == "fatal":
                self._fatal = fault.message
            case Received(event=TextDone(text=text)):
                self._text = text
            case Ended(by_client=True):
                pass
            case Ended(code=1000):
                if self._fatal:
                    yield "1000 after a fatal error"
                if not self._text.lower().endswith("bye!"):
                    yield f"1000 after {self._text!r}"
            case Ended(code=1011, reason=reason):
                if self._fatal is None:
                    yield f"1011 with {reason!r} and no fatal error"
                elif self._fatal is not None and not self._fatal.startswith(reason or "\0"):
                    yield f"1011 with {reason!r} after {self._fatal!r}"
            case Ended(code=1013):
                if self._fatal is None:
                    yield "1013 without a fatal error"
            case Ended(code=code, reason=reason):
                yield f"closed with {code} {reason!r}"


RULES: tuple[type[Rule], ...] = (
    SpeaksWhenSpokenTo,
    EventIdsDiffer,
    UpdatesAreEchoed,
    GreetingNeedsBoth,
    OneReplyAtATime,
    RepliesAreWhole,
    OutputsComeBeforeTheEnd,
    OutputsWhenIdleAreRare,
    WordsAreWords,
    NoWordsWithoutSpeech,
    UserTurnsHaveAnOrder,
    WordsInterrupt,
    OneOggStream,
    SoundIsPaced,
    EndsAreExplained,
)


class Rules:
    """All of them, or some, for one connection."""

    def __init__(self, rules: Sequence[type[Rule]] = RULES) -> None:
        self.violations: list[Violation] = []
        self._rules = [rule() for rule in rules]
        self._seen = 0

    def see(self, occurrence: Occurrence) -> None:
        """Take what happened next."""
        for rule in self._rules:
            for complaint in rule.see(occurrence):
                self.violations.append(Violation(type(rule).__name__, complaint, occurrence, self._seen))
        self._seen += 1
