"""What Unmute's clients send: JSON text frames, told apart by `type`."""

import re
from typing import Any, TypeAlias

import msgspec

from edge.dialects import InvalidEvent
from edge.dialects.unmute.instructions import Instructions


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """How the client wants the conversation held. Null leaves a field as it is."""

    instructions: Instructions | None = None
    voice: str | None = None
    allow_recording: bool


class SessionUpdate(msgspec.Struct, frozen=True, tag="session.update"):
    """Changes the session; may be sent at any time, and repeatedly."""

    session: Session
    event_id: str | None = None


class AudioAppend(msgspec.Struct, frozen=True, tag="input_audio_buffer.append"):
    """The next bytes of the microphone's Ogg Opus stream, base64 on the wire."""

    audio: bytes
    event_id: str | None = None


class AnonymizedAppend(msgspec.Struct, frozen=True, tag="unmute.input_audio_buffer.append_anonymized"):
    """Stands for audio in recordings. Taken, and ignored."""

    number_of_samples: int
    event_id: str | None = None


ClientEvent: TypeAlias = SessionUpdate | AudioAppend | AnonymizedAppend

# Not strict: Unmute's server takes "true" and 1 for true.
_decoder: msgspec.json.Decoder[ClientEvent] = msgspec.json.Decoder(ClientEvent, strict=False)

_AT_PATH = re.compile(r" - at `\$\.?(?P<path>.*)`$")


def parse(message: str | bytes) -> ClientEvent:
    """The event in a text frame. Raises `InvalidEvent` for anything else."""
    if isinstance(message, bytes):
        raise _invalid("binary_frame", "a binary frame came where a JSON text frame was expected")
    try:
        return _decoder.decode(message)
    except msgspec.ValidationError as error:
        raise _invalid("schema_invalid", str(error)) from error
    except msgspec.DecodeError as error:
        raise _invalid("json_invalid", str(error)) from error
    except RecursionError as error:
        raise _invalid("json_invalid", "it is nested too deeply") from error


def _invalid(kind: str, why: str) -> InvalidEvent:
    found = _AT_PATH.search(why)
    detail: dict[str, Any] = {
        "type": kind,
        "loc": found["path"].split(".") if found else [],
        "msg": _AT_PATH.sub("", why),
    }
    return InvalidEvent(f"Invalid message: {why}", [detail])
