"""The messages of `moshi-server`: each is a MessagePack map whose "type" names it, in one binary WebSocket message.

Lists of numbers stay packed in them (`moshi_client.floats`). What the server says is checked here: a time is a number
of seconds that a stream can have, so that nothing odd gets further.
"""

from collections.abc import Callable
from typing import Annotated, Final, TypeAlias, TypeVar, cast

import msgspec
from msgspec import Meta, Raw, Struct

from mesh.errors import UpstreamDown
from moshi_client.floats import Floats, unpacked_floats, unpacked_list

Seconds: TypeAlias = Annotated[float, Meta(ge=0, le=10_000_000)]


class _Message(Struct, frozen=True, tag_field="type", tag=True):
    pass


class Ready(_Message, frozen=True):
    """The server has a slot for this connection. First, but for what was meant for the connection before."""


class Error(_Message, frozen=True):
    """The server refuses the connection, or cannot go on."""

    message: str


class Audio(_Message, frozen=True):
    """Samples as a list of numbers, 24 000 Hz, within ±1: to the recogniser, or from the voice."""

    pcm: Raw


class Eos(_Message, frozen=True):
    """To the voice: no more text comes."""


class SpokenText(_Message, frozen=True, tag="Text"):
    """From the voice: a word as the server reads it, and where it lies in the audio."""

    text: str
    start_s: Seconds
    stop_s: Seconds


class Text(_Message, frozen=True, tag="Text"):
    """To the voice: whole words."""

    text: str


class Step(_Message, frozen=True):
    """The recogniser has taken in one more frame. `prs` are the probabilities of a pause: the later, the longer."""

    prs: Raw
    buffered_pcm: int | None = None


class Word(_Message, frozen=True):
    """The recogniser knows a word. `start_time` is where the word before it ended."""

    text: str
    start_time: Seconds


class EndWord(_Message, frozen=True):
    """Where the last `Word` ends."""

    stop_time: Seconds


class Marker(_Message, frozen=True):
    """Echo of what a client asked for; nobody here does."""

    id: int


class Unknown(Struct, frozen=True):
    """A message of another version of the server."""

    type: str


FromRecogniser: TypeAlias = Ready | Error | Step | Word | EndWord | Marker
FromVoice: TypeAlias = Ready | Error | Audio | SpokenText

M = TypeVar("M")
T = TypeVar("T")

from_recogniser: Final[msgspec.msgpack.Decoder[FromRecogniser]] = msgspec.msgpack.Decoder(FromRecogniser)
from_voice: Final[msgspec.msgpack.Decoder[FromVoice]] = msgspec.msgpack.Decoder(FromVoice)

_AUDIO: Final = b"\x82\xa4type\xa5Audio\xa3pcm"
"""How `Audio` begins: what follows is the list of its samples, and nothing else."""

_tag: Final = msgspec.msgpack.Decoder(Unknown)


def unpacked(data: bytes, decoder: msgspec.msgpack.Decoder[M]) -> M | Unknown:
    """The message. Raises `msgspec.DecodeError` for bytes that are none, and for a known message gone wrong.

    Whether an `Audio` has samples is for `numbers` to find out.
    """
    if decoder is from_voice and data.startswith(_AUDIO):
        # As the server writes it. Decoding would look at each number only to find the end of them.
        return cast("M", Audio(Raw(memoryview(data)[len(_AUDIO) :])))
    try:
        return decoder.decode(data)
    except msgspec.ValidationError:
        unknown = _tag.decode(data)
        if unknown.type in _KNOWN:
            raise
        return unknown


def numbers(packed: Raw) -> Floats:
    """A message's list of numbers. Raises `UpstreamDown` if it is none."""
    return _unpacked(unpacked_floats, packed)


def few_numbers(packed: Raw) -> list[float]:
    """A message's short list of numbers. Raises `UpstreamDown` if it is none."""
    return _unpacked(unpacked_list, packed)


def _unpacked(unpack: Callable[[Raw], T], packed: Raw) -> T:
    try:
        return unpack(packed)
    except (msgspec.DecodeError, OverflowError) as error:
        raise UpstreamDown("the engine sent a list that is not of numbers") from error


packed: Final = msgspec.msgpack.Encoder().encode

_KNOWN: Final = frozenset(
    str(kind.__struct_config__.tag) for kind in (Ready, Error, Audio, SpokenText, Step, Word, EndWord, Marker)
)
