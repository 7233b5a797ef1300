"""Cuts audio of any lengths into frames."""

from collections.abc import Iterator

from mesh.audio import FRAME_BYTES


class Framer:
    """Takes 16-bit PCM and gives out whole frames of 80 ms; what remains waits for more, or for the end."""

    def __init__(self) -> None:
        self._rest = b""

    def push(self, pcm: bytes) -> Iterator[bytes]:
        """The frames that these samples complete."""
        pcm = self._rest + pcm
        whole = len(pcm) - len(pcm) % FRAME_BYTES
        self._rest = pcm[whole:]
        for at in range(0, whole, FRAME_BYTES):
            yield pcm[at : at + FRAME_BYTES]

    def finish(self) -> bytes:
        """The last samples, less than a frame; often none."""
        rest, self._rest = self._rest, b""
        return rest
