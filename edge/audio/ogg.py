"""Ogg pages (RFC 3533), found in bytes that may be split anywhere.

A page is `OggS`, version 0, a flag byte, granule position (8 bytes), serial (4), sequence (4), checksum (4), a count
of lacing values (1), the lacing values, and as many bytes of packets as these add up to. A packet is a run of lacing
values of 255 and the first smaller one.
"""

import struct
import zlib
from collections.abc import Iterator
from dataclasses import dataclass

_CAPTURE_PATTERN = b"OggS"
_VERSION_OFFSET = 4
_FLAGS_OFFSET = 5
_SERIAL_OFFSET = 14
_CHECKSUM_OFFSET = 22
_HEADER_BYTES = 27

_CONTINUED = 0x01
_BEGINS_STREAM = 0x02

LACING_GOES_ON = 255
"""The lacing value of a packet that goes on."""

_REVERSED_BITS = bytes(int(f"{byte:08b}"[::-1], base=2) for byte in range(256))
_ALL_ONES = 0xFFFF_FFFF


class InvalidAudio(ValueError):
    """The bytes are not the expected audio. The message says why, for people."""


class TooMuchAudio(InvalidAudio):
    """Audio comes faster than it may, and what is too much was dropped."""

    def __init__(self) -> None:
        super().__init__("audio arrives much faster than real time")


@dataclass(frozen=True, slots=True)
class OggPage:
    """One whole page whose checksum is right."""

    encoded: bytes

    @property
    def begins_stream(self) -> bool:
        """Whether this is the first page of a logical stream (BOS)."""
        return bool(self.encoded[_FLAGS_OFFSET] & _BEGINS_STREAM)

    @property
    def continues_packet(self) -> bool:
        """Whether the first packet began on the page before."""
        return bool(self.encoded[_FLAGS_OFFSET] & _CONTINUED)

    @property
    def serial(self) -> int:
        """The number of the logical stream it belongs to."""
        return int.from_bytes(self.encoded[_SERIAL_OFFSET : _SERIAL_OFFSET + 4], "little")

    @property
    def lacing(self) -> bytes:
        """The lacing values: the sizes of its segments."""
        return self.encoded[_HEADER_BYTES : _HEADER_BYTES + self.encoded[_HEADER_BYTES - 1]]

    @property
    def body(self) -> bytes:
        """Its packets, one behind the other."""
        return self.encoded[_HEADER_BYTES + len(self.lacing) :]

    @property
    def packets(self) -> tuple[list[bytes], bool]:
        """The packets, or parts of packets, on it; and whether the last of them goes on on the next page."""
        found, begin, end, goes_on = [], 0, 0, False
        body = self.body
        for size in self.lacing:
            end += size
            goes_on = size == LACING_GOES_ON
            if not goes_on:
                found.append(body[begin:end])
                begin = end
        if goes_on:
            found.append(body[begin:end])
        return found, goes_on


def page_of(packet: bytes, *, serial: int, sequence: int, granule: int = 0, begins_stream: bool = False) -> bytes:
    """A page with one whole packet of at most 65 024 bytes. `granule` is the position at its end."""
    lacing = bytes([LACING_GOES_ON]) * (len(packet) // LACING_GOES_ON) + bytes([len(packet) % LACING_GOES_ON])
    flags = _BEGINS_STREAM if begins_stream else 0
    head = struct.pack("<4sBBqIIIB", _CAPTURE_PATTERN, 0, flags, granule, serial, sequence, 0, len(lacing))
    page = head + lacing + packet
    return page[:_CHECKSUM_OFFSET] + struct.pack("<I", checksum(page)) + page[_CHECKSUM_OFFSET + 4 :]


class OggReader:
    """Finds the pages in bytes that arrive in pieces of any size.

    It holds at most one unfinished page (65 307 bytes) between calls.
    """

    def __init__(self) -> None:
        self._buffer = bytearray()
        self._aligned = False

    def read(self, piece: bytes) -> Iterator[OggPage]:
        """Take the next piece and yield the pages that it completes.

        Yields the pages before the first invalid byte, then drops the rest and raises `InvalidAudio`.
        """
        self._buffer += piece
        if not self._aligned:
            self._find_page()
        while (page := self._next_page()) is not None:
            yield page

    def drop(self) -> None:
        """Forget what is left of the bytes so far; reading goes on at the next thing that looks like a page."""
        self._buffer.clear()
        self._aligned = False

    def _find_page(self) -> None:
        """Skip what is left of a page whose beginning was missed."""
        start = self._buffer.find(_CAPTURE_PATTERN)
        if start < 0:
            start = len(self._buffer) - _begun_pattern(self._buffer)
            if start > 0:
                self._refuse("these bytes hold no Ogg page")
        else:
            self._aligned = True
        del self._buffer[:start]

    def _next_page(self) -> OggPage | None:
        start = self._buffer[: len(_CAPTURE_PATTERN)]
        if start != _CAPTURE_PATTERN[: len(start)]:
            self._refuse("these bytes are no Ogg page")
        if len(self._buffer) < _HEADER_BYTES:
            return None
        if self._buffer[_VERSION_OFFSET] != 0:
            self._refuse("this version of Ogg is unknown")
        lacing_end = _HEADER_BYTES + self._buffer[_HEADER_BYTES - 1]
        end = lacing_end + sum(self._buffer[_HEADER_BYTES:lacing_end])
        if len(self._buffer) < max(lacing_end, end):
            return None
        page = bytes(self._buffer[:end])
        if checksum(page) != struct.unpack_from("<I", page, _CHECKSUM_OFFSET)[0]:
            self._refuse("the checksum of an Ogg page is wrong")
        del self._buffer[:end]
        return OggPage(page)

    def _refuse(self, why: str) -> None:
        # The rest is skipped: to search a message full of forged headers for the next page would take seconds.
        self.drop()
        raise InvalidAudio(why)


def checksum(page: bytes) -> int:
    """The checksum of a page, its own field counted as zero: CRC-32, polynomial 0x04c11db7, most significant bit first.

    `zlib` has the same polynomial for least significant bit first, so bits are reversed going in and coming out; that
    is a hundred times faster than a loop.
    """
    covered = page[:_CHECKSUM_OFFSET] + bytes(4) + page[_CHECKSUM_OFFSET + 4 :]
    reversed_crc = zlib.crc32(covered.translate(_REVERSED_BITS), _ALL_ONES) ^ _ALL_ONES
    return int(f"{reversed_crc:032b}"[::-1], base=2)


def _begun_pattern(buffer: bytearray) -> int:
    """How many bytes at the end of `buffer` may be the beginning of a capture pattern."""
    return next(size for size in (3, 2, 1, 0) if buffer.endswith(_CAPTURE_PATTERN[:size]))
