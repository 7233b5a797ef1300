"""The kinds of audio files that are taken, told by their first bytes, and the decoder of each.

libsndfile, which every installation has, reads the kinds of studios and of the free formats. FFmpeg, in the extra
`uploads`, reads what phones and browsers record. It is always told which format to expect. Left to itself it would
guess, and among the formats it knows are playlists, which name other files and addresses to read.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from importlib.util import find_spec
from typing import BinaryIO, TypeAlias

import numpy as np
import soundfile
from numpy.typing import NDArray

from mesh.process.platform import memory_file

Block: TypeAlias = NDArray[np.float32]
"""Samples of all channels, from -1 to 1: one row each moment, one column each channel."""

EXTRA = "uploads"
"""The extra that brings FFmpeg."""

_BLOCK_VALUES = 1 << 18
_MOST_CHANNELS = 32
_LOWEST_RATE, _HIGHEST_RATE = 8_000, 192_000


class Unusable(Exception):
    """Nothing can be learned from a recording; the message tells why, for whoever has uploaded it."""


class ExtraMissing(Unusable):
    """The recording may be in order, but this installation cannot decode its kind."""


class Decoder(Enum):
    """What reads a kind of file."""

    SNDFILE = "libsndfile"
    EITHER = "libsndfile, and FFmpeg where that fails"
    FFMPEG = "FFmpeg"


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of file. `format` is FFmpeg's name for it; None: it holds no sound, or FFmpeg is of no help with it."""

    name: str
    decoder: Decoder | None
    format: str | None = None


_UNKNOWN = Kind("a file of an unknown kind", Decoder.SNDFILE)

_BY_BRAND = {
    b"M4A ": "M4A",
    b"M4B ": "M4A",
    b"qt  ": "QuickTime",
    b"3gp4": "3GP",
    b"3gp5": "3GP",
    b"3gp6": "3GP",
    b"3g2a": "3GP",
}
_BY_START: tuple[tuple[bytes, Kind], ...] = (
    (b"RF64", Kind("WAV", Decoder.EITHER, "wav")),
    (b"BW64", Kind("WAV", Decoder.EITHER, "wav")),
    (b"RIFX", Kind("WAV", Decoder.SNDFILE)),
    (b"riff\x2e\x91\xcf\x11", Kind("Wave64", Decoder.EITHER, "w64")),
    (b"caff", Kind("CAF", Decoder.EITHER, "caf")),
    (b"fLaC", Kind("FLAC", Decoder.EITHER, "flac")),
    (b"OggS", Kind("Ogg", Decoder.EITHER, "ogg")),
    (b"ID3", Kind("MP3", Decoder.EITHER, "mp3")),
    (b".snd", Kind("AU", Decoder.EITHER, "au")),
    (b"\x1a\x45\xdf\xa3", Kind("WebM or Matroska", Decoder.FFMPEG, "matroska")),
    (b"#!AMR", Kind("AMR", Decoder.FFMPEG, "amr")),
    (b"\x30\x26\xb2\x75\x8e\x66\xcf\x11", Kind("WMA", Decoder.FFMPEG, "asf")),
    (b"ADIF", Kind("AAC", Decoder.FFMPEG, "aac")),
    (b"\xff\xd8\xff", Kind("a picture (JPEG)", None)),
    (b"\x89PNG", Kind("a picture (PNG)", None)),
    (b"GIF8", Kind("a picture (GIF)", None)),
    (b"%PDF", Kind("a PDF document", None)),
    (b"PK\x03\x04", Kind("a ZIP archive", None)),
    (b"\x1f\x8b", Kind("a gzip archive", None)),
    (b"MThd", Kind("a MIDI file, which holds notes instead of sound", None)),
    (b"#EXTM3U", Kind("a playlist, which holds no sound", None)),
    (b"<!DOCTYPE", Kind("a web page", None)),
    (b"<html", Kind("a web page", None)),
)
_ADTS_SYNC, _ADTS_MASK = 0xFFF0, 0xFFF6
_MPEG_SYNC, _MPEG_MASK = 0xFFE0, 0xFFE0


def kind_of(content: bytes) -> Kind:
    """What kind of file this is, by its first bytes."""
    match content[:4]:
        case b"RIFF":
            form = content[8:12]
            if form == b"WAVE":
                return Kind("WAV", Decoder.EITHER, "wav")
            return Kind("a picture (WebP)" if form == b"WEBP" else "a RIFF file that is no WAV", None)
        case b"FORM":
            return Kind("AIFF", Decoder.EITHER, "aiff")
    if content[4:8] in (b"ftyp", b"moov", b"mdat", b"wide"):
        return Kind(_BY_BRAND.get(content[8:12], "MP4"), Decoder.FFMPEG, "mov")
    for start, kind in _BY_START:
        if content.startswith(start):
            return kind
    first = int.from_bytes(content[:2], "big")
    if first & _ADTS_MASK == _ADTS_SYNC:
        return Kind("AAC", Decoder.FFMPEG, "aac")
    if first & _MPEG_MASK == _MPEG_SYNC:
        return Kind("MP3", Decoder.EITHER, "mp3")
    return _UNKNOWN


def has_ffmpeg() -> bool:
    """Whether the extra `uploads` is installed."""
    return find_spec("av") is not None


@dataclass(frozen=True, slots=True)
class Sound:
    """A sound that is decoded while it is read."""

    sample_rate: int
    channels: int
    blocks: Iterator[Block]
    """They end where the file ends, or where it is damaged. Raises `Unusable` if it is damaged at its beginning."""


def opened(content: bytes) -> Sound:
    """The sound of an audio file. Raises `Unusable`."""
    kind = kind_of(content)
    match kind.decoder:
        case None:
            raise Unusable(f"it is {kind.name}, not a recording")
        case Decoder.FFMPEG:
            return _by_ffmpeg(content, kind)
        case Decoder.SNDFILE:
            return _by_sndfile(content, kind)
        case Decoder.EITHER:
            try:
                return _by_sndfile(content, kind)
            except _NoDecoder:
                # For example, CAF with AAC in it, as iOS writes it.
                return _by_ffmpeg(content, kind)


class _NoDecoder(Unusable):
    """libsndfile makes nothing of the file."""


def _by_sndfile(content: bytes, kind: Kind) -> Sound:
    # A descriptor: with an object of Python's, a damaged file that leads to an impossible position prints a trace.
    kept = memory_file(content)
    try:
        file = soundfile.SoundFile(kept.fileno(), closefd=False)
    except (soundfile.LibsndfileError, RuntimeError):
        kept.close()
        raise _NoDecoder(_not_decoded(kind)) from None
    try:
        _check(file.samplerate, file.channels)
    except Unusable:
        file.close()
        kept.close()
        raise
    return Sound(file.samplerate, file.channels, _sndfile_blocks(file, kept))


def _sndfile_blocks(file: soundfile.SoundFile, kept: BinaryIO) -> Iterator[Block]:
    with kept, file:
        while True:
            try:
                block: Block = file.read(_BLOCK_VALUES // file.channels, dtype="float32", always_2d=True)
            except (soundfile.LibsndfileError, RuntimeError):
                return
            if not len(block):
                return
            yield block


def _by_ffmpeg(content: bytes, kind: Kind) -> Sound:
    if not has_ffmpeg():
        raise ExtraMissing(
            f'it is {_article(kind.name)} file, which needs the extra "{EXTRA}" on the server '
            f"(pip install 'parley[{EXTRA}]'); WAV, FLAC, MP3, Ogg, AIFF and CAF do not"
        )
    from voice_service.analysis.ffmpeg import NoSound, read  # noqa: PLC0415 - it imports what the extra brings

    assert kind.format is not None  # noqa: S101 - every kind that is read by FFmpeg has one
    try:
        sample_rate, channels, blocks = read(content, kind.format)
    except NoSound as error:
        raise Unusable(str(error) or _not_decoded(kind)) from None
    _check(sample_rate, channels)
    return Sound(sample_rate, channels, blocks)


def _not_decoded(kind: Kind) -> str:
    if kind is _UNKNOWN:
        return (
            "it is no audio file of a kind that can be decoded, or it is damaged; "
            "M4A, MP4, 3GP, WebM, Ogg, MP3, AAC, AMR, WAV, FLAC, AIFF and CAF are taken"
        )
    return f"it is no {kind.name} file that can be decoded, or it is damaged"


def _article(name: str) -> str:
    return f"an {name}" if name.startswith(("A", "M4", "MP")) else f"a {name}"


def _check(sample_rate: int, channels: int) -> None:
    if not _LOWEST_RATE <= sample_rate <= _HIGHEST_RATE:
        raise Unusable(f"its sample rate is {sample_rate} Hz, not from {_LOWEST_RATE} to {_HIGHEST_RATE}")
    if not 1 <= channels <= _MOST_CHANNELS:
        raise Unusable(f"it has {channels} channels; expected at most {_MOST_CHANNELS}")
