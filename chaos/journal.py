"""What happened to one caller, in order: what was said, what came, and when the connection was lost.

All times are in seconds of one monotonic clock.
"""

from typing import Any, NamedTuple, TypeAlias


class Dialled(NamedTuple):
    """The caller opens a connection. With `again`, it wants to go on with the same conversation."""

    at: float
    again: bool = False


class Lost(NamedTuple):
    """The connection ended, with the close code and reason; 1006: without a close frame."""

    at: float
    code: int
    reason: str = ""


class SpeechBegan(NamedTuple):
    """The person begins to speak."""

    at: float


class WordSaid(NamedTuple):
    """The person has said a word."""

    at: float


class SpeechEnded(NamedTuple):
    """The person has stopped speaking, and expects an answer."""

    at: float


class Typed(NamedTuple):
    """The person has typed a turn."""

    at: float


class Event(NamedTuple):
    """A message from Parley: its name as in JSON ("replyAudio") and its fields."""

    at: float
    name: str
    body: dict[str, Any]


Entry: TypeAlias = Dialled | Lost | SpeechBegan | WordSaid | SpeechEnded | Typed | Event
