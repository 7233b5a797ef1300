"""Ogg pages, read and written as RFC 3533 has them, and what a client asks of a connection's one stream of Opus."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Self

CAPTURE = b"OggS"
CONTINUED, FIRST, LAST = 1, 2, 4

GRANULES_PER_S = 48_000
"""Granule positions count at this rate, whatever the encoder was fed."""

_HEADER = 27
_NO_PACKET_ENDS = 2**64 - 1


def _table() -> list[int]:
    table = []
    for byte in range(256):
        remainder = byte << 24
        for _ in range(8):
            remainder = (remainder << 1) ^ (0x04C11DB7 if remainder & 0x80000000 else 0)
        table.append(remainder & 0xFFFFFFFF)
    return table


_CRC = _table()


def checksum(page: bytes) -> int:
    """The page's CRC, its own field taken as zero."""
    crc = 0
    for byte in page[:22] + bytes(4) + page[26:]:
        crc = ((crc << 8) & 0xFFFFFFFF) ^ _CRC[(crc >> 24) ^ byte]
    return crc


class BadPage(Exception):
    """Bytes that are no page."""


@dataclass(frozen=True)
class Page:
    """One page."""

    flags: int
    granule: int
    serial: int
    sequence: int
    lacing: bytes
    body: bytes
    version: int = 0

    @classmethod
    def split(cls, pages: bytes) -> Iterator[Self]:
        """The whole pages that make up `pages`. Raises `BadPage`."""
        while pages:
            if pages[:4] != CAPTURE:
                raise BadPage(f"no page begins with {pages[:4]!r}")
            if len(pages) < _HEADER or len(pages) < _HEADER + pages[26]:
                raise BadPage("a page ends in its header")
            lacing = pages[_HEADER : _HEADER + pages[26]]
            begin = _HEADER + len(lacing)
            end = begin + sum(lacing)
            if len(pages) < end:
                raise BadPage("a page ends in its body")
            page, pages = pages[:end], pages[end:]
            if int.from_bytes(page[22:26], "little") != checksum(page):
                raise BadPage("a page's checksum is wrong")
            yield cls(
                flags=page[5],
                granule=int.from_bytes(page[6:14], "little"),
                serial=int.from_bytes(page[14:18], "little"),
                sequence=int.from_bytes(page[18:22], "little"),
                lacing=lacing,
                body=page[begin:],
                version=page[4],
            )

    def __bytes__(self) -> bytes:
        """The page as it is sent."""
        page = b"".join(
            (
                CAPTURE,
                bytes((self.version & 0xFF, self.flags & 0xFF)),
                (self.granule % 2**64).to_bytes(8, "little"),
                (self.serial % 2**32).to_bytes(4, "little"),
                (self.sequence % 2**32).to_bytes(4, "little"),
                bytes(4),
                bytes((len(self.lacing) & 0xFF,)),
                self.lacing,
                self.body,
            )
        )
        return page[:22] + checksum(page).to_bytes(4, "little") + page[26:]


class OpusStream:
    """One stream of Opus, page by page: what is wrong with it, and how long it is.

    A browser's decoder is made once a connection. Header pages come once and first, the serial never changes, sequence
    numbers have no gap, positions rise, and the stream does not end before the connection.
    """

    def __init__(self) -> None:
        self.granule = 0
        """The position that was reached."""
        self._serial: int | None = None
        self._sequence = 0

    @property
    def length_s(self) -> float:
        """How much sound there was."""
        return self.granule / GRANULES_PER_S

    def feed(self, pages: bytes) -> Iterator[str]:
        """Take what a message carried, and say what is wrong with it."""
        if not pages:
            yield "a message without a page"
        try:
            for page in Page.split(pages):
                yield from self._take(page)
        except BadPage as error:
            yield str(error)

    def _take(self, page: Page) -> Iterator[str]:
        if page.version != 0:
            yield f"version {page.version} of Ogg"
        if page.sequence != self._sequence:
            yield f"page {page.sequence} where {self._sequence} was due"
        if self._serial not in {None, page.serial}:
            yield f"serial {page.serial} in a stream of serial {self._serial}"
        if bool(page.flags & FIRST) != (self._serial is None):
            yield f"flags {page.flags} on page {page.sequence}"
        if page.flags & LAST:
            yield "the stream was ended"
        self._serial = page.serial if self._serial is None else self._serial
        position, self._sequence = self._sequence, page.sequence + 1
        if position < 2:
            yield from self._header(position, page)
        elif page.granule == _NO_PACKET_ENDS:
            yield "a page on which no packet ends"
        elif page.granule <= self.granule:
            yield f"position {page.granule} after {self.granule}"
        else:
            self.granule = page.granule

    def _header(self, position: int, page: Page) -> Iterator[str]:
        head = page.body
        if page.granule:
            yield f"a header page at position {page.granule}"
        if not head.startswith((b"OpusHead", b"OpusTags")[position]):
            yield f"page {position} begins with {head[:8]!r}"
        elif position == 0 and head[9:10] != b"\1":
            # The rate beside it says what the encoder was fed, and binds no decoder.
            yield f"{head[9:10]!r} channels"
