"""The records of a recording: a closed set of JSON objects, one a line, distinguished by `line`.

Times are the core's `now`.
The first is a `Header`, the last an `End`; a recording whose process was killed has none, and perhaps half a line.
A `Step` holds an event and its actions as objects with their fields and `type`, which is the name of their class.
"""

import re
from collections.abc import Mapping
from typing import Any, Literal, TypeAlias, TypeVar, get_args

import msgspec

from orchestrator.conversation import State
from orchestrator.conversation.actions import Action
from orchestrator.conversation.events import Event

VERSION = 7
"""The version of the format. Recordings of all earlier versions are still read.

It must rise with every change after which an older Parley cannot read a recording: a record, an event or an action is
added or renamed, or one of their fields is renamed, removed or of another type. An older Parley then refuses the file
as a newer one's instead of failing in the middle of it. A new field needs no new version: older readers ignore it.

2: events and actions have other names (`_RENAMED`).
3: the event `RecognizerChanged` was added.
4: the events `RecognizerLost`, `HistoryGiven`, `TurnCommitted`, `CancellationRequested`, `SayRequested` were added.
5: the event `ConversationResumed` and the actions `ResumeSynthesis`, `ResumeText`, `AbandonText`,
   `ReplyVoiceLostNotice`, `ConfirmReply`, `DropReply` were added.
6: the last three have other names, and so have two fields (`_RENAMED_FIELDS`) and the ids of speculative replies.
7: the action `TurnRestoredNotice` was added.
"""

EVENTS: Mapping[str, type[Event]] = {each.__name__: each for each in get_args(Event)}
ACTIONS: Mapping[str, type[Action]] = {each.__name__: each for each in get_args(Action)}

_RENAMED = {
    "MicrophoneHeard": "MicrophoneAudioArrived",
    "ReplySynthesized": "ReplyAudioCompleted",
    "ReplySpeechFailed": "ReplyAudioFailed",
    "ReplyPlayed": "ReplyPlaybackReported",
    "SpeechStarted": "SpeechStartedNotice",
    "UserWord": "UserWordNotice",
    "UserPartial": "UserPartialNotice",
    "SpeechStopped": "SpeechStoppedNotice",
    "TurnEnded": "TurnEndedNotice",
    "TurnDiscarded": "TurnDiscardedNotice",
    "ReplyText": "ReplyTextNotice",
    "ReplyTextDone": "ReplyTextDoneNotice",
    "ReplyWord": "ReplyWordNotice",
    "ReplyHeld": "ReplyHeldNotice",
    "ReplyResumed": "ReplyResumedNotice",
    "ReplyReleased": "ReplyReleasedNotice",
    "ReplyFinished": "ReplyFinishedNotice",
    "ReplyVoiceLostNotice": "WarnOfLostVoice",
    "ConfirmReply": "ConfirmSpeculativeReply",
    "DropReply": "DropSpeculativeReply",
}
"""The former names of events and actions, and what they are called now."""

_RENAMED_FIELDS = {"guess_id": "speculative_id", "begun": "beginning"}
"""The former names of their fields, and what they are called now."""

_FORMER_ID = re.compile(r"guess_(?=\d+$)")
"""What the id of a speculative reply began with."""
_IDS = ("reply_id", "guess_id")

Written: TypeAlias = dict[str, Any]
"""An event or an action as a JSON object."""

T = TypeVar("T")


class _Record(msgspec.Struct, frozen=True, kw_only=True, tag_field="line"):
    now: float
    """Seconds since the session started, monotonic."""


class Header(_Record, frozen=True, kw_only=True, tag="header"):
    """Which session this is, and where its conversation stood."""

    format: Literal["parley-recording"] = "parley-recording"
    version: int = VERSION
    product: str
    """The version of Parley that wrote it."""
    session_id: str
    started_wall: float
    """Seconds since 1970 at which `now` was 0. For readers: nothing is decided by it."""
    metadata: dict[str, str] = {}
    """The client's own words about the session."""
    state: State


class Session(_Record, frozen=True, kw_only=True, tag="session"):
    """A configuration by the client: `SessionConfig` in protobuf's JSON form, with the fields that were set."""

    session: dict[str, Any]


class Step(_Record, frozen=True, kw_only=True, tag="step", omit_defaults=True):
    """An event and the actions it led to. Without an event, the timer was due."""

    event: Written | None = None
    actions: list[Written] = []

    @classmethod
    def of(cls, now: float, event: Event | None, actions: list[Action]) -> "Step":
        """Return the record of a step."""
        return cls(
            now=now,
            event=None if event is None else written(event),
            actions=[written(action) for action in actions],
        )

    def core_event(self) -> Event | None:
        """Return what happened. Raises `msgspec.ValidationError` if it is no event."""
        return None if self.event is None else read_event(self.event)

    def core_actions(self) -> list[Action]:
        """Return what was done about it. Raises `msgspec.ValidationError` if something is no action."""
        return [read_action(action) for action in self.actions]


class Audio(_Record, frozen=True, kw_only=True, tag="audio"):
    """Audio of a reply that the next step releases: 16-bit PCM, 24 kHz, base64, from the reply's sample `start` on."""

    reply_id: str
    start: int
    pcm: bytes


class Warned(_Record, frozen=True, kw_only=True, tag="warned"):
    """The client was sent a warning."""

    reason: str
    message: str


EndReason: TypeAlias = Literal["over", "full", "behind"]
"""The session is over; the recording has its full size; the disk is too slow."""


class End(_Record, frozen=True, kw_only=True, tag="end"):
    """Nothing more was recorded."""

    reason: EndReason


Record: TypeAlias = Header | Session | Step | Audio | Warned | End

_encoder = msgspec.json.Encoder()
_decoder: msgspec.json.Decoder[Record] = msgspec.json.Decoder(Record)


def encoded(record: Record) -> bytes:
    """Return a record as a line of the file."""
    return _encoder.encode(record) + b"\n"


def decoded(line: bytes) -> Record:
    """Read a line. Raises `msgspec.DecodeError` for anything else; events and actions are read when they are wanted."""
    return _decoder.decode(line)


def written(value: Event | Action) -> Written:
    """Return an event or an action as a JSON object."""
    fields: Written = msgspec.to_builtins(value)
    return {"type": type(value).__name__, **fields}


def read_event(written: Written) -> Event:
    """Read an event. Raises `msgspec.ValidationError` for anything else."""
    return _read(written, EVENTS)


def read_action(written: Written) -> Action:
    """Read an action. Raises `msgspec.ValidationError` for anything else."""
    return _read(written, ACTIONS)


def _read(written: Written, kinds: Mapping[str, type[T]]) -> T:
    name = written.get("type")
    kind = kinds.get(_RENAMED.get(name, name)) if isinstance(name, str) else None
    if kind is None:
        raise msgspec.ValidationError(f"no type {name!r}: expected one of {', '.join(kinds)}")
    return msgspec.convert(
        {_RENAMED_FIELDS.get(key, key): _renamed(key, value) for key, value in written.items()}, kind
    )


def _renamed(key: str, value: Any) -> Any:
    return _FORMER_ID.sub("speculative_", value) if key in _IDS and isinstance(value, str) else value
