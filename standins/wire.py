"""Moshi-server's messages: MessagePack maps whose `type` names the kind, one in each binary WebSocket message.

Written with the plain `msgpack` library and apart from the wire code of the proxies, so that each tests the other.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import msgpack

SAMPLE_RATE = 24_000
FRAME_SAMPLES = 1_920
FRAME_S = FRAME_SAMPLES / SAMPLE_RATE


class BadMessage(Exception):
    """A message that no client of moshi-server sends; the connection does not survive it."""


# What clients send.


class Audio(NamedTuple):
    """Samples at 24 kHz, nominally within ±1; any number of them."""

    pcm: list[float]


class OggOpus(NamedTuple):
    """A piece of an Ogg Opus stream, one number a byte."""

    data: list[int]


class Marker(NamedTuple):
    """Asks for an echo once the model has got past this point."""

    id: int


class Init(NamedTuple):
    """Asks for a fresh start, and `Ready`."""


class Text(NamedTuple):
    """One or more words to speak."""

    text: str


class Voice(NamedTuple):
    """The voice to speak with."""

    embeddings: list[float]
    shape: list[int]


class Eos(NamedTuple):
    """No more text will come."""


ClientMessage = Audio | OggOpus | Marker | Init | Text | Voice | Eos


def unpack(data: bytes, kinds: Mapping[str, Callable[[Mapping[str, Any]], ClientMessage]]) -> ClientMessage:
    """A client's message, as strictly as the real server: unknown keys pass; anything else amiss is `BadMessage`."""
    try:
        fields = msgpack.unpackb(data)
    except (ValueError, TypeError, RecursionError, OverflowError) as error:
        raise BadMessage(f"not MessagePack: {error}") from None
    if not isinstance(fields, dict):
        raise BadMessage(f"expected a map, not {type(fields).__name__}")
    kind = fields.get("type")
    if not isinstance(kind, str) or kind not in kinds:
        raise BadMessage(f"expected a type of {', '.join(kinds)}")
    try:
        return kinds[kind](fields)
    except KeyError as error:
        raise BadMessage(f"{kind} lacks {error}") from None


_NUMBERS = {float, int}
_BYTE = range(256)
_INT64 = range(-(2**63), 2**63)


def _floats(value: Any) -> list[float]:
    # A `bin` is no list of numbers to the real server, nor is a boolean a number.
    if not isinstance(value, list) or not set(map(type, value)) <= _NUMBERS:
        raise BadMessage("expected a list of numbers")
    return value


def _ints(value: Any, within: range) -> list[int]:
    if not isinstance(value, list) or not all(type(each) is int and each in within for each in value):
        raise BadMessage("expected a list of integers in range")
    return value


def _int64(value: Any) -> int:
    if type(value) is not int or value not in _INT64:
        raise BadMessage("expected a 64-bit integer")
    return value


def _text(value: Any) -> str:
    if not isinstance(value, str):
        raise BadMessage("expected text")
    return value


def _shape(value: Any) -> list[int]:
    if not 1 <= len(shape := _ints(value, range(2**32))) <= 3:  # noqa: PLR2004 - the engine's tensors
        raise BadMessage("expected one to three dimensions")
    return shape


STT_KINDS: Mapping[str, Callable[[Mapping[str, Any]], ClientMessage]] = {
    "Audio": lambda fields: Audio(_floats(fields["pcm"])),
    "OggOpus": lambda fields: OggOpus(_ints(fields["data"], _BYTE)),
    "Marker": lambda fields: Marker(_int64(fields["id"])),
    "Init": lambda _: Init(),
}
TTS_KINDS: Mapping[str, Callable[[Mapping[str, Any]], ClientMessage]] = {
    "Text": lambda fields: Text(_text(fields["text"])),
    "Voice": lambda fields: Voice(_floats(fields["embeddings"]), _shape(fields["shape"])),
    "Eos": lambda _: Eos(),
}


# What the server sends. Lists of numbers are 32-bit floats, times 64-bit ones; no message has both.


def ready() -> bytes:
    """The slot is yours."""
    return _pack("Ready")


def error(message: str) -> bytes:
    """What a full server says before it closes."""
    return _pack("Error", message=message)


def step(step_idx: int, prs: Sequence[float], buffered_pcm: int | None) -> bytes:
    """A frame was recognised. `prs`: the probability of a pause, by head; an old server leaves `buffered_pcm` out."""
    fields: dict[str, Any] = {"step_idx": step_idx, "prs": prs}
    if buffered_pcm is not None:
        fields["buffered_pcm"] = buffered_pcm
    return _pack("Step", single_floats=True, **fields)


def word(text: str, start_time: float) -> bytes:
    """A word was recognised; its start is in seconds of the connection's audio."""
    return _pack("Word", text=text, start_time=start_time)


def end_word(stop_time: float) -> bytes:
    """When the word before ended."""
    return _pack("EndWord", stop_time=stop_time)


def marker(marker_id: int) -> bytes:
    """The echo of a marker."""
    return _pack("Marker", id=marker_id)


def text(spoken: str, start_s: float, stop_s: float) -> bytes:
    """Where a word lies in the speech."""
    return _pack("Text", text=spoken, start_s=start_s, stop_s=stop_s)


def audio(pcm: Iterable[float]) -> bytes:
    """A frame of speech."""
    return _pack("Audio", single_floats=True, pcm=list(pcm))


def ogg_opus(data: bytes) -> bytes:
    """A piece of an Ogg Opus stream."""
    return _pack("OggOpus", data=list(data))


def voice(embeddings: Iterable[float], shape: Sequence[int]) -> bytes:
    """A cloned voice, which is also the message that makes a synthesis use it."""
    return _pack("Voice", single_floats=True, embeddings=list(embeddings), shape=shape)


def _pack(kind: str, *, single_floats: bool = False, **fields: Any) -> bytes:
    packed: bytes = msgpack.packb({"type": kind, **fields}, use_single_float=single_floats)
    return packed
