"""Ogg Opus ↔ the mesh's working audio: 16-bit PCM, 24 kHz, mono.

The client's bytes are taken apart into checked pages here and given to `sphn` one page at a time, because `sphn` checks
little: it takes damaged pages, renders an empty packet as five seconds of invented sound, never recovers once it has
seen something that is no page, and fails on more than five seconds at once.

Encoding is the dearest thing a conversation asks of the edge: about 5 to 13 ms of CPU a second of audio, with the GIL
held.
"""

from collections.abc import Iterator

import numpy as np
import sphn

from edge.audio.ogg import InvalidAudio, OggPage, OggReader, TooMuchAudio
from mesh.audio import FRAME_BYTES, SAMPLE_RATE

_PAGE_S = 0.0025
"""What each page costs of the budget, beside its audio: as much as the shortest Opus frame."""

_DAMAGED_PAGE_S = 5.0
"""What a page costs that fails to decode: `sphn` may have worked through five seconds of audio before it failed."""

_FULL_SCALE = 32_767

_BURST_S = 10.0
"""Audio that is taken at once: what a page holds back while its network is gone."""

_EARNED_RATE = 2.0
"""Seconds of audio earned a second; above 1, so that a fast clock or a late burst never runs dry."""


class AudioBudget:
    """A budget of audio time: full at first, spent by what is taken, earned back with time.

    It may be overdrawn once, by the message that empties it, and is then closed until that is earned back. So what a
    client costs is bounded without knowing in advance how much audio its bytes hold.
    """

    def __init__(self, burst_s: float = _BURST_S, rate: float = _EARNED_RATE) -> None:
        self._burst_s = burst_s
        self._rate = rate
        self._left_s = burst_s
        self._as_of: float | None = None
        self._excess_noted = False

    def is_open(self, now: float) -> bool:
        """Whether more may be taken at `now`, in seconds of any clock that never goes back."""
        if self._as_of is not None:
            self._left_s = min(self._burst_s, self._left_s + (now - self._as_of) * self._rate)
        self._as_of = now
        if self._left_s == self._burst_s:
            self._excess_noted = False
        return self._left_s > 0

    def note_excess(self) -> bool:
        """Note that audio was dropped. Whether it is the first of an episode, which lasts until the budget is full."""
        is_first = not self._excess_noted
        self._excess_noted = True
        return is_first

    def spend(self, seconds: float) -> None:
        """Take `seconds` of audio off."""
        self._left_s -= seconds


class OpusDecoder:
    """The decoder of one client's Ogg Opus, whatever the pieces it comes in.

    Audio begins at the first page that begins a stream (BOS); pages before it are left over from a stream that went
    before, and dropped (Unmute's rule). A later BOS begins afresh. After invalid bytes it goes on at the next page.
    """

    def __init__(self, budget: AudioBudget | None = None) -> None:
        self._budget = budget or AudioBudget()
        self._pages = OggReader()
        self._stream: _OpusStream | None = None

    def decode(self, piece: bytes, now: float) -> Iterator[bytes]:
        """Decode the next piece, received at `now` (monotonic seconds): the PCM of each page that it completes.

        Raises `InvalidAudio`, after what was good, for bytes that are not Ogg Opus; the rest of the piece is dropped.
        Audio beyond the budget is dropped as well: with `TooMuchAudio` once an episode, then without a word.
        """
        try:
            for page in self._pages.read(piece):
                if not self._budget.is_open(now):
                    self._drop_excess()
                    return
                if pcm := self._decode_page(page):
                    yield pcm
        except InvalidAudio:
            self._pages.drop()
            raise

    def _drop_excess(self) -> None:
        self._pages.drop()
        if self._budget.note_excess():
            raise TooMuchAudio

    def _decode_page(self, page: OggPage) -> bytes:
        self._budget.spend(_PAGE_S)
        if page.begins_stream:
            self._stream = None
            self._stream = _OpusStream(page, self._budget)
        if self._stream is None or page.serial != self._stream.serial:
            return b""
        return self._stream.decode(page)


class _OpusStream:
    """One logical Opus stream, from its BOS page on."""

    def __init__(self, first: OggPage, budget: AudioBudget) -> None:
        if not first.body.startswith(b"OpusHead"):
            raise InvalidAudio("this Ogg stream is not Opus")
        self.serial = first.serial
        self._budget = budget
        self._reader = sphn.OpusStreamReader(SAMPLE_RATE)
        self._packet_is_open = False

    def decode(self, page: OggPage) -> bytes:
        """The PCM of the stream's next page. Raises `InvalidAudio`; the next page decodes all the same."""
        if self._holds_empty_packet(page):
            raise InvalidAudio("an Opus packet is empty")
        try:
            samples = self._reader.append_bytes(page.encoded)
        except ValueError as error:
            # Some of these failures are permanent in sphn, and a new reader needs no headers.
            self._reader = sphn.OpusStreamReader(SAMPLE_RATE)
            self._budget.spend(_DAMAGED_PAGE_S)
            raise InvalidAudio("an Opus packet is damaged") from error
        self._budget.spend(samples.size / SAMPLE_RATE)
        pcm: bytes = (np.clip(samples, -1.0, 1.0) * _FULL_SCALE).astype("<i2").tobytes()
        return pcm

    def _holds_empty_packet(self, page: OggPage) -> bool:
        """Whether a packet of no bytes ends on this page. A lacing value of 0 after one of 255 is no such packet."""
        packet_is_open = self._packet_is_open and page.continues_packet
        for size in page.lacing:
            if size == 0 and not packet_is_open:
                return True
            packet_is_open = size == 255  # noqa: PLR2004 - the lacing value of a packet that goes on
        self._packet_is_open = packet_is_open
        return False


class OpusEncoder:
    """The encoder for one client: a single Ogg Opus stream that lasts as long as the connection.

    Output is what `sphn` makes: the two header pages with the first audio, then a page for every 40 ms. Browsers feed
    all of it to one decoder, so there is no second stream and no end.
    """

    _SILENCE = bytes(FRAME_BYTES)

    def __init__(self) -> None:
        self._writer = sphn.OpusStreamWriter(SAMPLE_RATE)
        self._has_unflushed = False

    def encode(self, pcm: bytes) -> bytes:
        """Take any number of samples and give the pages they complete, or nothing yet."""
        self._has_unflushed = True
        return self._append(pcm)

    def flush(self) -> bytes:
        """Give what is still held back, up to 40 ms, by adding a frame of silence. Nothing, when there is nothing."""
        return self.silence() if self._has_unflushed else b""

    def silence(self) -> bytes:
        """Add a frame of silence, and give what was held back and most of it: two pages."""
        self._has_unflushed = False
        return self._append(self._SILENCE)

    def _append(self, pcm: bytes) -> bytes:
        samples = np.frombuffer(pcm, dtype="<i2").astype(np.float32) / (_FULL_SCALE + 1)
        encoded: bytes = self._writer.append_pcm(samples)
        return encoded
