"""What Unmute's clients are sent. Its load test takes these types and no other; nulls are explicit."""

import random
import string
from typing import Any, Literal, TypeAlias

import msgspec

_ALPHANUMERICS = string.ascii_letters + string.digits
_EVENT_ID_CHARACTERS = 21


def new_event_id() -> str:
    """`event_` and 21 random letters and digits."""
    # Ids only distinguish events, so they need no secure source.
    return "event_" + "".join(random.choices(_ALPHANUMERICS, k=_EVENT_ID_CHARACTERS))  # noqa: S311


class ServerEvent(msgspec.Struct, frozen=True, kw_only=True):
    """What every event carries."""

    event_id: str = msgspec.field(default_factory=new_event_id)


class ChatMessage(msgspec.Struct, frozen=True):
    """One message of the conversation, as the language model will remember it."""

    role: Literal["user", "assistant"]
    content: str


class SessionUpdated(ServerEvent, frozen=True, tag="session.updated"):
    """A `session.update` has taken effect."""

    session: msgspec.Struct
    """The session as it was parsed, with its defaults."""


Status: TypeAlias = Literal["completed", "cancelled", "failed"]


class Outcome(msgspec.Struct, frozen=True, kw_only=True):
    """How a reply has ended. Unmute does not report it; its clients ignore unknown fields."""

    id: str
    """The id in its `response.created`."""
    status: Status
    """Completed: all of it was sent; a person may still interrupt it, until they have heard it. Failed: a part."""
    text: str
    """What it says, or what of it can have been heard; all that the language model will remember of it."""


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A reply that has begun."""

    id: str
    """Parley's addition, by which its outcome is known."""
    object: Literal["realtime.response"] = "realtime.response"
    status: Literal["in_progress"] = "in_progress"
    voice: str
    chat_history: list[ChatMessage]


class ResponseCreated(ServerEvent, frozen=True, tag="response.created"):
    """A reply is being prepared."""

    response: Response


class TextDeltaReady(ServerEvent, frozen=True, tag="unmute.response.text.delta.ready"):
    """A word from the language model, with its leading space."""

    delta: str


class TextDone(ServerEvent, frozen=True, tag="response.text.done"):
    """All words from the language model, joined."""

    text: str


class TextDelta(ServerEvent, frozen=True, tag="response.text.delta"):
    """A word that is being spoken, without spaces."""

    delta: str


class AudioDelta(ServerEvent, frozen=True, tag="response.audio.delta"):
    """Ogg pages of the connection's one stream, base64 on the wire."""

    delta: bytes


class AudioDone(ServerEvent, frozen=True, tag="response.audio.done"):
    """All of a reply has been sent that there is. Never follows a reply that was interrupted."""

    response: Outcome


class TranscriptionDelta(ServerEvent, frozen=True, tag="conversation.item.input_audio_transcription.delta"):
    """A word of the person's, without spaces; never empty, which would make blank entries on the page."""

    delta: str
    start_time: float
    """Seconds of microphone audio."""


class SpeechStarted(ServerEvent, frozen=True, tag="input_audio_buffer.speech_started"):
    """The person's turn has its first word."""


class SpeechStopped(ServerEvent, frozen=True, tag="input_audio_buffer.speech_stopped"):
    """The person has paused, or was silent for long."""


class InterruptedByVad(ServerEvent, frozen=True, tag="unmute.interrupted_by_vad"):
    """The person spoke over a reply, which is over."""

    response: Outcome


class Outputs(msgspec.Struct, frozen=True, kw_only=True):
    """What Unmute's server shows beside the conversation."""

    chat_history: list[ChatMessage]
    debug_dict: dict[str, Any] = {}
    debug_plot_data: list[Any] = []


class AdditionalOutputsEvent(ServerEvent, frozen=True, tag="unmute.additional_outputs"):
    """The conversation so far."""

    args: Outputs
    response: Outcome | None = None
    """Of a reply that has ended early without being interrupted, because it failed."""


ErrorType: TypeAlias = Literal["warning", "invalid_request_error", "fatal"]
"""Fatal: the connection is closed. Otherwise it goes on; the page does not show warnings."""


class ErrorBody(msgspec.Struct, frozen=True, kw_only=True):
    """What went wrong."""

    type: ErrorType
    code: str | None = None
    message: str
    param: str | None = None
    details: Any = None


class ErrorEvent(ServerEvent, frozen=True, tag="error"):
    """Something went wrong."""

    error: ErrorBody


def encoded(event: ServerEvent) -> str:
    """The text frame that carries `event`."""
    return msgspec.json.encode(event).decode()
