"""From the bytes of an answer to samples at 24 kHz: plain PCM or a WAV file, cut anywhere. No I/O."""

import re
import struct
from typing import Final

import numpy as np
from numpy.typing import NDArray

from mesh.audio import SAMPLE_RATE, Resampler
from mesh.errors import UpstreamDown, UpstreamMisconfigured

Samples = NDArray[np.int16]

_RATE = re.compile(r"\brate=\"?(\d{4,6})\b")
_LOWEST_RATE: Final = 4_000
_HIGHEST_RATE: Final = 192_000
_WAV: Final = frozenset({"audio/wav", "audio/x-wav", "audio/wave", "audio/vnd.wave"})
_PLAIN: Final = frozenset({"", "audio/pcm", "audio/l16", "audio/raw", "audio/basic", "application/octet-stream"})
_LONGEST_HEADER: Final = 1 << 16
_PCM, _FLOAT, _EXTENSIBLE = 1, 3, 0xFFFE
_ENDLESS: Final = frozenset({0, 0xFFFFFFFF})
"""The lengths that a file has which is sent while it is made; so has anything beyond 2 GiB."""


class SoundDecoder:
    """Takes in the body of one answer. `assumed_rate` is that of plain PCM whose type does not say it, in Hz.

    Raises `UpstreamMisconfigured` for a type that cannot be read, which a setting decides.
    """

    def __init__(self, content_type: str, assumed_rate: int) -> None:
        kind, _, parameters = content_type.partition(";")
        self._kind = kind.strip().lower()
        if self._kind.startswith("audio/") and self._kind not in _WAV | _PLAIN:
            raise UpstreamMisconfigured(f"the audio server sends {self._kind[:40]}; Parley reads PCM and WAV")
        if self._kind not in _WAV | _PLAIN:
            raise UpstreamDown(f"the audio server sends {self._kind[:40] or 'nothing known'} in place of audio")
        told = _RATE.search(parameters)
        self._form = _Form(_PCM, 1, 16, int(told[1]) if told else assumed_rate)
        self._bytes = bytearray()
        self._in_header: bool | None = None
        """None: the first bytes have not come, which tell whether this is a file, whatever its type."""
        self._left: int | None = None
        """How many bytes of samples are still to come; None: unknown."""
        self._resampler: Resampler | None = None

    def feed(self, data: bytes) -> Samples:
        """Take in the next bytes, any number; the samples they complete. Raises `UpstreamDown` for nonsense."""
        self._bytes += data
        if self._in_header is None and len(self._bytes) >= len(b"RIFF"):
            self._in_header = self._bytes.startswith(b"RIFF")
            if not self._in_header:
                self._begin()
        if self._in_header:
            self._read_header()
        if self._in_header is not False:
            return np.zeros(0, np.int16)
        return self._samples()

    def finish(self) -> None:
        """No more bytes come. Raises `UpstreamDown` if a file ended inside its header."""
        if self._in_header:
            raise UpstreamDown("the audio server sent a WAV file without samples")

    def _begin(self) -> None:
        form = self._form
        if not _LOWEST_RATE <= form.rate <= _HIGHEST_RATE:
            raise UpstreamDown(f"the audio server sends sound of {form.rate} Hz")
        if form.rate != SAMPLE_RATE:
            self._resampler = Resampler(form.rate, SAMPLE_RATE)

    def _read_header(self) -> None:
        """Go on through the chunks of the file up to its samples."""
        at = 12
        while len(self._bytes) >= at + 8:
            name, length = struct.unpack_from("<4sI", self._bytes, at)
            if name == b"data":
                self._left = None if length in _ENDLESS or length >= 1 << 31 else length
                del self._bytes[: at + 8]
                self._in_header = False
                self._begin()
                return
            if len(self._bytes) < at + 8 + length:
                break
            if name == b"fmt ":
                self._form = _form(bytes(self._bytes[at + 8 : at + 8 + length]))
            at += 8 + length + length % 2
        if len(self._bytes) > _LONGEST_HEADER:
            raise UpstreamDown("the audio server sent a WAV file without samples")

    def _samples(self) -> Samples:
        width = self._form.bits // 8 * self._form.channels
        count = len(self._bytes) if self._left is None else min(self._left, len(self._bytes))
        whole = count // width * width
        data = bytes(self._bytes[:whole])
        del self._bytes[:whole]
        if self._left is not None:
            self._left -= whole
            if self._left < width:
                # What follows the samples in a file tells about it.
                self._bytes.clear()
        samples = self._form.decode(data)
        return self._resampler.process(samples) if self._resampler else samples


class _Form:
    """How samples are written."""

    def __init__(self, kind: int, channels: int, bits: int, rate: int) -> None:
        self.channels = channels
        self.bits = bits
        self.rate = rate
        self._is_float = kind == _FLOAT

    def decode(self, data: bytes) -> Samples:
        """16-bit samples of one channel."""
        if self._is_float:
            values = np.nan_to_num(np.frombuffer(data, "<f4")).clip(-1, 1) * np.float32(32_767)
        else:
            values = np.frombuffer(data, "<i2")
        if self.channels > 1:
            values = values.reshape(-1, self.channels).mean(axis=1)
        mono: Samples = np.rint(values).astype(np.int16)
        return mono


def _form(described: bytes) -> _Form:
    """Read the chunk that tells how samples are written."""
    try:
        kind, channels, rate, _, _, bits = struct.unpack_from("<HHIIHH", described)
        if kind == _EXTENSIBLE:
            (kind,) = struct.unpack_from("<H", described, 24)
    except struct.error:
        raise UpstreamDown("the audio server sent a WAV file with a broken header") from None
    if (kind, bits) not in {(_PCM, 16), (_FLOAT, 32)} or not 1 <= channels <= 8:  # noqa: PLR2004 - 7.1 has 8
        raise UpstreamMisconfigured(f"the audio server sends WAV of kind {kind} with {bits} bits; Parley reads 16")
    return _Form(kind, channels, bits, rate)
