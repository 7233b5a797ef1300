"""The lines of a recording: a closed set of JSON objects, told apart by `line`. All times are the core's `now`.

The first is a `Header`, the last an `End`; a recording whose process was killed has none, and perhaps half a line.
"""

from typing import Any, Literal, TypeAlias, get_args

import msgspec

from orchestrator.conversation import State
from orchestrator.conversation.actions import Action
from orchestrator.conversation.events import Event
from orchestrator.recorder import notation
from orchestrator.recorder.notation import Written

VERSION = 1
"""Of the format. It rises when an older Parley could not read what is written."""


class _Line(msgspec.Struct, frozen=True, kw_only=True, tag_field="line"):
    now: float
    """Seconds since the session started, monotonic."""


class Header(_Line, frozen=True, kw_only=True, tag="header"):
    """Which session this is, and where its conversation stood."""

    format: Literal["parley-recording"] = "parley-recording"
    version: int = VERSION
    product: str
    """The version of Parley that wrote it."""
    session_id: str
    started_wall: float
    """Seconds since 1970 at which `now` was 0. For readers: nothing is decided by it."""
    state: State


class Session(_Line, frozen=True, kw_only=True, tag="session"):
    """What the client asked the session to be: `SessionConfig` in protobuf's JSON form, only what it sets."""

    session: dict[str, Any]


class Step(_Line, frozen=True, kw_only=True, tag="step", omit_defaults=True):
    """What the core was told, and what it answered. Without an event, the timer called."""

    event: Written | None = None
    actions: list[Written] = []

    @classmethod
    def of(cls, now: float, event: Event | None, actions: list[Action]) -> "Step":
        """Write a step down."""
        return cls(
            now=now,
            event=None if event is None else notation.written(event),
            actions=[notation.written(action) for action in actions],
        )

    def told(self) -> Event | None:
        """Return what happened. Raises `msgspec.ValidationError` if it is no event."""
        return None if self.event is None else notation.event(self.event)

    def answered(self) -> list[Action]:
        """Return what was done about it. Raises `msgspec.ValidationError` if something is no action."""
        return [notation.action(action) for action in self.actions]


class Audio(_Line, frozen=True, kw_only=True, tag="audio"):
    """What is released of a reply by the step that follows: 16-bit PCM, 24 kHz, base64, from its sample `start` on."""

    reply_id: str
    start: int
    pcm: bytes


class Warned(_Line, frozen=True, kw_only=True, tag="warned"):
    """The client was told of trouble."""

    reason: str
    message: str


EndReason: TypeAlias = Literal["over", "full", "behind"]
"""The session is over; the recording has its full size; the disk is too slow."""


class End(_Line, frozen=True, kw_only=True, tag="end"):
    """Nothing more was recorded."""

    reason: EndReason


Line: TypeAlias = Header | Session | Step | Audio | Warned | End

LINES: tuple[type[Line], ...] = get_args(Line)
"""All kinds of lines."""

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Line] = msgspec.json.Decoder(Line)


def encoded(line: Line) -> bytes:
    """Return a line as it stands in the file."""
    return _encoder.encode(line) + b"\n"


def decoded(text: bytes) -> Line:
    """Read a line. Raises `msgspec.DecodeError` for anything else; events and actions are read when they are wanted."""
    return _decoder.decode(text)
