"""Microphone audio in the portions that travel between processes."""

from collections.abc import Iterator

from mesh.audio import FRAME_BYTES


class Frames:
    """PCM of any lengths, joined into whole 80 ms frames. Less than one frame is kept for the next call."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def add(self, pcm: bytes) -> Iterator[bytes]:
        """Take the next samples and give the frames they complete."""
        self._rest += pcm
        while len(self._rest) >= FRAME_BYTES:
            frame = bytes(self._rest[:FRAME_BYTES])
            del self._rest[:FRAME_BYTES]
            yield frame
