"""One user's Ogg Opus stream, made of packets that were encoded beforehand; and the length of one that is received."""

import secrets
import struct

from edge.audio.ogg import page_of
from loadtest.speech import PACKET_S
from mesh.audio import SAMPLE_RATE

_GRANULES_PER_PACKET = round(48_000 * PACKET_S)
_PRE_SKIP = 312
_HEAD = b"OpusHead" + struct.pack("<BBHIhB", 1, 1, _PRE_SKIP, SAMPLE_RATE, 0, 0)
_TAGS = b"OpusTags" + struct.pack("<I", 8) + b"loadtest" + struct.pack("<I", 0)

_PAGE_HEAD = struct.Struct("<4sBBqIIIB")


class OggOpusWriter:
    """Puts packets onto pages with a serial number, positions and checksums of its own."""

    def __init__(self) -> None:
        self._serial = secrets.randbits(32)
        self._pages = 0
        self._granule = 0

    def page(self, packet: bytes) -> bytes:
        """The page of the next packet; the first comes behind the two header pages."""
        headers = b"" if self._pages else self._page(_HEAD, begins_stream=True) + self._page(_TAGS)
        self._granule += _GRANULES_PER_PACKET
        return headers + self._page(packet)

    def _page(self, packet: bytes, *, begins_stream: bool = False) -> bytes:
        made = page_of(
            packet, serial=self._serial, sequence=self._pages, granule=self._granule, begins_stream=begins_stream
        )
        self._pages += 1
        return made


class OggClock:
    """How much audio has come in an Ogg Opus stream: read from the heads of its pages, nothing is decoded."""

    def __init__(self) -> None:
        self._granule = 0

    def seconds(self, pages: bytes) -> float:
        """The length of the audio on these whole pages. Raises `ValueError` for anything else."""
        at, before = 0, self._granule
        while at < len(pages):
            try:
                pattern, _, _, granule, _, _, _, segments = _PAGE_HEAD.unpack_from(pages, at)
            except struct.error:
                raise ValueError("an Ogg page is cut short") from None
            if pattern != b"OggS":
                raise ValueError("these are no Ogg pages")
            body = at + _PAGE_HEAD.size
            at = body + segments + sum(pages[body : body + segments])
            # A page on which no packet ends says -1.
            self._granule = max(self._granule, granule)
        return (self._granule - before) / 48_000
