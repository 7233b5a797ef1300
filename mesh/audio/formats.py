"""Which audio formats there are, and the answer to one that is offered."""

from collections.abc import Collection
from typing import Final, NamedTuple, TypeAlias

from mesh.errors import BadAudioFormat
from parley.audio.v1 import audio_pb2

SAMPLE_RATE: Final = 24_000
"""Samples per second of the working format."""
SAMPLE_BYTES: Final = 2
"""Bytes of one sample of the working format."""
FRAME_SAMPLES: Final = 1_920
FRAME_BYTES: Final = SAMPLE_BYTES * FRAME_SAMPLES
FRAME_S: Final = FRAME_SAMPLES / SAMPLE_RATE

_Encoding: TypeAlias = audio_pb2.AudioEncoding.ValueType
_LINEAR16: Final = audio_pb2.AUDIO_ENCODING_LINEAR16
_G711: Final = (audio_pb2.AUDIO_ENCODING_MULAW, audio_pb2.AUDIO_ENCODING_ALAW)
_G711_RATE: Final = 8_000
_NAMES: Final = {
    _LINEAR16: "16-bit PCM",
    audio_pb2.AUDIO_ENCODING_MULAW: "G.711 µ-law",
    audio_pb2.AUDIO_ENCODING_ALAW: "G.711 A-law",
    audio_pb2.AUDIO_ENCODING_OGG_OPUS: "Ogg Opus",
}


class Format(NamedTuple):
    """A complete `AudioFormat`, as a value."""

    encoding: _Encoding
    sample_rate_hertz: int

    def __str__(self) -> str:
        return f"{_NAMES.get(self.encoding, f'encoding {self.encoding}')} at {self.sample_rate_hertz} Hz"


WORKING_FORMAT: Final = Format(_LINEAR16, SAMPLE_RATE)
WORKING_ONLY: Final = (WORKING_FORMAT,)
CONVERTIBLE: Final = (
    WORKING_FORMAT,
    *(Format(_LINEAR16, rate) for rate in (8_000, 16_000, 48_000)),
    *(Format(encoding, _G711_RATE) for encoding in _G711),
)
"""What `Decoder` and `Encoder` convert."""


def negotiate(
    offered: audio_pb2.AudioFormat | None, *, allowed: Collection[Format] = CONVERTIBLE, field: str = "config.format"
) -> audio_pb2.AudioFormat:
    """The format a stream will have: what was offered, with what it leaves out filled in.

    Raises `BadAudioFormat`, which blames `field`, if that is not among the `allowed`.
    """
    wanted = complete(offered or audio_pb2.AudioFormat())
    if wanted not in allowed:
        raise BadAudioFormat(f"{wanted} is not taken here, only {', '.join(map(str, allowed))}", field=field)
    return audio_pb2.AudioFormat(encoding=wanted.encoding, sample_rate_hertz=wanted.sample_rate_hertz)


def complete(offered: audio_pb2.AudioFormat) -> Format:
    """The offered format with nothing unspecified; it need not exist."""
    encoding = offered.encoding or _LINEAR16
    usual_rate = _G711_RATE if encoding in _G711 else SAMPLE_RATE
    return Format(encoding, offered.sample_rate_hertz or usual_rate)
