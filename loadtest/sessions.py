"""What is kept of a session: its turns, how it ended, and what happened when. All times are in seconds."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Self


class Mark(StrEnum):
    """A moment within a turn."""

    label: str

    def __new__(cls, value: str, label: str) -> Self:
        """A mark, its name in JSON, and what a table calls it."""
        member = str.__new__(cls, value)
        member._value_ = value
        member.label = label
        return member

    STARTED = "started", "admitted"
    SPEECH_STOPPED = "speech_stopped", "pause noticed"
    FLUSHED = "flushed", "words complete"
    REPLY_CREATED = "reply_created", "reply created"
    FIRST_TEXT = "first_text", "first text"
    FIRST_AUDIO = "first_audio", "first audio"


class Outcome(StrEnum):
    """What came of a turn."""

    ANSWERED = "answered"
    """Its reply was sent to its end, or the user spoke over it on purpose."""
    INTERRUPTED = "interrupted"
    """Its reply was cut short although the user was silent."""
    WITHOUT_AUDIO = "without_audio"
    """Its reply ended without a sound: it lost its voice."""
    WITHOUT_WORDS = "without_words"
    """Nothing was recognised of it."""
    UNANSWERED = "unanswered"
    """No reply began in time."""
    LOST = "lost"
    """The session was lost meanwhile."""


class End(StrEnum):
    """How a session ended."""

    COMPLETE = "complete"
    """The user had all turns, or the test was over."""
    REFUSED = "refused"
    """It was not admitted."""
    LOST = "lost"
    """It was admitted, and broke off."""
    DROPPED = "dropped"
    """The user dropped the connection, as was wanted."""


@dataclass(slots=True)
class Turn:
    """One thing that the user said, and its answer."""

    session: int
    at_s: float
    """When the user's last sound ended, since the test began."""
    marks: dict[Mark, float] = field(default_factory=dict)
    """The moments, counted from `at_s`."""
    outcome: Outcome | None = None
    """None: the test ended first."""
    audio_s: float = 0.0
    """Speech that came."""
    underruns: int = 0
    """How often playback ran dry within the reply."""
    underrun_s: float = 0.0
    """For how long, altogether."""
    stopped_after_s: float | None = None
    """If the user spoke over the reply: from the user's first sound to the last audio of the reply."""
    late_audio: int = 0
    """Audio messages of a reply after the message that it is over."""


@dataclass(slots=True)
class SessionRecord:
    """One session, from the attempt to connect."""

    number: int
    began_s: float
    """Since the test began."""
    admitted_after_s: float | None = None
    ended_s: float | None = None
    end: End | None = None
    """None: it was still live when the test ended."""
    reason: str = ""
    """Why it was refused or lost, as a word for programs."""
    refused_after_s: float | None = None
    before_upgrade: bool = False
    """Whether it was refused by an HTTP status."""
    retry_after_s: float | None = None
    turns: list[Turn] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    """What the mesh warned of, by its reason or its text."""


class Refused(Exception):
    """A session was not admitted. `reason` is a word for programs, `retry_after_s` when to come back, if it says."""

    def __init__(
        self, reason: str, message: str, *, retry_after_s: float | None = None, before_upgrade: bool = False
    ) -> None:
        super().__init__(f"{reason}: {message}")
        self.reason = reason
        self.retry_after_s = retry_after_s
        self.before_upgrade = before_upgrade


class Lost(Exception):
    """An admitted session broke off. `reason` is a word for programs."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason
