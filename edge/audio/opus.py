"""Ogg Opus ↔ the mesh's working audio: 16-bit PCM, 24 kHz, mono.

The codec is libopus, which `opuslib_next` carries for every platform. It is called without the interpreter's lock. Ogg
is read and written here.

Encoding is the dearest thing a conversation asks of the edge. `benchmarks/opus_encoding.py` measures what a second of
speech costs at each complexity.
"""

import ctypes
import secrets
import struct
from collections.abc import Iterator

import opuslib_next
from opuslib_next.api.decoder import libopus_decode
from opuslib_next.api.encoder import libopus_encode

from edge.audio.ogg import LACING_GOES_ON, InvalidAudio, OggPage, OggReader, TooMuchAudio, page_of
from mesh.audio import FRAME_BYTES, SAMPLE_BYTES, SAMPLE_RATE

_PAGE_S = 0.0025
"""What each page costs of the budget, beside its audio: as much as the shortest Opus frame."""

_DAMAGED_PAGE_S = 5.0
"""What a page costs that fails to decode."""

_LONGEST_PAGE_S = 5.0
"""Audio on one page. Clients send a page for every 20 to 60 ms; more on one is an attempt to keep the decoder busy."""

_LONGEST_PACKET_SAMPLES = SAMPLE_RATE * 120 // 1_000
"""The codec's own limit."""
_LONGEST_PACKET_BYTES = 1_275 * 48 + 100
"""48 frames, the most that a packet may have, and what says how long each is."""

_PAGE_SAMPLES = SAMPLE_RATE * 40 // 1_000
"""One packet of 40 ms, as on the pages of Unmute."""
_PRE_SKIP = 3_840
"""Of the 48 000 a second that Ogg counts; as in Unmute's streams."""
_LONGEST_ENCODED_BYTES = 1_275 * 2
"""Two frames of 20 ms, each as long as the format allows."""
_SAMPLES = ctypes.POINTER(ctypes.c_int16)
_GRANULES_PER_SAMPLE = 48_000 // SAMPLE_RATE
_COMPLEXITY = 4
"""Of 10. It takes two thirds of the time of 5 for the same spectrum, and an eighth of the time of 10."""
_APPLICATION = "audio"
"""Below complexity 10 it encodes by transformation only. That is cheaper than the model of a voice of "voip"."""
_BIT_RATE = 32_000
_VENDOR = b"Parley edge"

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
        self._decoder = _PacketDecoder()
        self._packet_is_open = False
        self._open = b""

    def decode(self, page: OggPage) -> bytes:
        """The PCM of the stream's next page. Raises `InvalidAudio`; the next page decodes all the same."""
        if self._holds_empty_packet(page):
            self._open = b""
            raise InvalidAudio("an Opus packet is empty")
        pcm = b""
        try:
            for packet in self._whole_packets(page):
                if packet.startswith((b"OpusHead", b"OpusTags")):
                    continue
                pcm += self._decoder.decode(packet)
                _check_length(pcm)
        except opuslib_next.OpusError as error:
            self._budget.spend(_DAMAGED_PAGE_S)
            raise InvalidAudio("an Opus packet is damaged") from error
        except InvalidAudio:
            self._budget.spend(_DAMAGED_PAGE_S)
            raise
        self._budget.spend(len(pcm) / SAMPLE_BYTES / SAMPLE_RATE)
        return pcm

    def _whole_packets(self, page: OggPage) -> Iterator[bytes]:
        """The packets that end on this page."""
        packets, goes_on = page.packets
        begun, self._open = self._open, b""
        if packets and page.continues_packet:
            # The beginning may have been on a page that is lost.
            packets[0] = begun + packets[0] if begun else b""
        if goes_on:
            last = packets.pop()
            if len(last) > _LONGEST_PACKET_BYTES:
                raise InvalidAudio("an Opus packet is damaged: it is too long")
            self._open = last
        yield from filter(None, packets)

    def _holds_empty_packet(self, page: OggPage) -> bool:
        """Whether a packet of no bytes ends on this page. A lacing value of 0 after one of 255 is no such packet."""
        packet_is_open = self._packet_is_open and page.continues_packet
        for size in page.lacing:
            if size == 0 and not packet_is_open:
                return True
            packet_is_open = size == LACING_GOES_ON
        self._packet_is_open = packet_is_open
        return False


class _PacketDecoder:
    """Decodes packets into one buffer. The library's own method makes a list of every packet's samples."""

    def __init__(self) -> None:
        self._codec = opuslib_next.Decoder(SAMPLE_RATE, 1)
        self._pcm = (ctypes.c_int16 * _LONGEST_PACKET_SAMPLES)()

    def decode(self, packet: bytes) -> bytes:
        """The packet's PCM. Raises `opuslib_next.OpusError`."""
        samples: int = libopus_decode(
            self._codec.decoder_state, packet, len(packet), self._pcm, _LONGEST_PACKET_SAMPLES, 0
        )
        if samples < 0:
            raise opuslib_next.OpusError(samples)
        return ctypes.string_at(self._pcm, samples * SAMPLE_BYTES)


def _check_length(pcm: bytes) -> None:
    if len(pcm) > _LONGEST_PAGE_S * SAMPLE_RATE * SAMPLE_BYTES:
        raise InvalidAudio("an Opus page is damaged: it holds more than five seconds")


class OpusEncoder:
    """The encoder for one client: a single Ogg Opus stream that lasts as long as the connection.

    The two header pages come with the first audio, then a page for every 40 ms. Browsers feed all of it to one decoder,
    so there is no second stream and no end.
    """

    _SILENCE = bytes(FRAME_BYTES)

    def __init__(self) -> None:
        self._codec = opuslib_next.Encoder(SAMPLE_RATE, 1, _APPLICATION)
        self._codec.complexity = _COMPLEXITY
        self._codec.bitrate = _BIT_RATE
        self._packet = ctypes.create_string_buffer(_LONGEST_ENCODED_BYTES)
        self._serial = secrets.randbits(32)
        self._pages = 0
        self._granule = 0
        self._waiting = b""
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
        waiting = self._waiting + pcm
        size = _PAGE_SAMPLES * SAMPLE_BYTES
        whole = len(waiting) // size * size
        self._waiting = waiting[whole:]
        return b"".join(self._encoded(waiting[at : at + size]) for at in range(0, whole, size))

    def _encoded(self, pcm: bytes) -> bytes:
        """The page of 40 ms, the first time with the header pages before it."""
        headers = b"" if self._pages else self._page(_HEAD, begins_stream=True) + self._page(_TAGS)
        self._granule += _PAGE_SAMPLES * _GRANULES_PER_SAMPLE
        return headers + self._page(self._encoded_packet(pcm))

    def _encoded_packet(self, pcm: bytes) -> bytes:
        samples = ctypes.cast(ctypes.c_char_p(pcm), _SAMPLES)
        size: int = libopus_encode(
            self._codec.encoder_state, samples, _PAGE_SAMPLES, self._packet, _LONGEST_ENCODED_BYTES
        )
        if size < 0:
            raise opuslib_next.OpusError(size)
        return self._packet.raw[:size]

    def _page(self, packet: bytes, *, begins_stream: bool = False) -> bytes:
        made = page_of(
            packet, serial=self._serial, sequence=self._pages, granule=self._granule, begins_stream=begins_stream
        )
        self._pages += 1
        return made


_HEAD = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, _PRE_SKIP, SAMPLE_RATE, 0, 0)
_TAGS = b"OpusTags" + struct.pack("<I", len(_VENDOR)) + _VENDOR + struct.pack("<I", 0)
