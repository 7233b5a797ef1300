"""What Unmute's clients send: JSON text frames, distinguished by `type`."""

import re
from typing import Annotated, Any, TypeAlias

import msgspec

from edge.dialects import InvalidEvent
from edge.dialects.unmute.instructions import Instructions

_LONGEST_VOICE = 1_000
"""Characters. A voice is a path, or an id; it is passed on to every process, and named in warnings."""

_TRUE, _FALSE = frozenset({"true", "t", "yes", "y", "on", "1"}), frozenset({"false", "f", "no", "n", "off", "0"})


class Session(msgspec.Struct, frozen=True, kw_only=True):
    """How the client wants the conversation held. Null leaves a field as it is."""

    instructions: Instructions | None = None
    voice: Annotated[str, msgspec.Meta(max_length=_LONGEST_VOICE)] | None = None
    allow_recording: bool | float | str
    """Is a bool once it is parsed. Unmute's server takes "yes" and 1 for true as well, in any case."""

    def __post_init__(self) -> None:
        word = self.allow_recording.lower() if isinstance(self.allow_recording, str) else f"{self.allow_recording:g}"
        if word not in _TRUE | _FALSE:
            raise ValueError(f"`allow_recording` is {self.allow_recording!r}: expected true or false")
        msgspec.structs.force_setattr(self, "allow_recording", word in _TRUE)

    @property
    def consents(self) -> bool:
        """Whether the conversation may be recorded."""
        return self.allow_recording is True


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

# Not strict: Unmute's server takes "1920" for a number, too.
_decoder: msgspec.json.Decoder[ClientEvent] = msgspec.json.Decoder(ClientEvent, strict=False)

_LONGEST_EXPLANATION = 300
"""Characters. Some explanations quote the client, who must not get a megabyte back."""

_AT_PATH = re.compile(r" - at `\$\.?(?P<path>.*)`$")


def parse(message: str | bytes) -> ClientEvent:
    """The event in a text frame. Raises `InvalidEvent` for anything else."""
    if isinstance(message, bytes):
        raise _invalid("binary_frame", "a binary frame came where a JSON text frame was expected")
    try:
        return _decoder.decode(message)
    except msgspec.ValidationError as error:
        raise _invalid("schema_invalid", str(error)) from error
    except (msgspec.DecodeError, UnicodeError) as error:
        # UnicodeError: half of a surrogate pair, which UTF-8 cannot express.
        raise _invalid("json_invalid", str(error)) from error
    except RecursionError as error:
        raise _invalid("json_invalid", "it is nested too deeply") from error


def _invalid(kind: str, explanation: str) -> InvalidEvent:
    found = _AT_PATH.search(explanation)
    why = shorten(_AT_PATH.sub("", explanation))
    path = found["path"].split(".") if found else []
    detail: dict[str, Any] = {"type": kind, "loc": path, "msg": why}
    where = f" - at `{'.'.join(path)}`" if path else ""
    return InvalidEvent(f"Invalid message: {why}{where}", [detail])


def shorten(text: str) -> str:
    """As much of `text` as is sent to a client."""
    return text if len(text) <= _LONGEST_EXPLANATION else text[:_LONGEST_EXPLANATION] + "…"
