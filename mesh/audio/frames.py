"""Cuts audio of any lengths into the frames that travel between processes."""

from collections.abc import Iterator

from mesh.audio.formats import FRAME_BYTES


class Framer:
    """Takes 16-bit PCM and gives out whole frames of 80 ms. What remains waits for more, or for the end."""

    def __init__(self) -> None:
        self._rest = bytearray()

    def push(self, pcm: bytes) -> Iterator[bytes]:
        """The frames that these samples complete."""
        self._rest += pcm
        while len(self._rest) >= FRAME_BYTES:
            frame = bytes(self._rest[:FRAME_BYTES])
            del self._rest[:FRAME_BYTES]
            yield frame

    def finish(self) -> bytes:
        """The last samples, less than a frame; often none."""
        rest = bytes(self._rest)
        self._rest.clear()
        return rest
