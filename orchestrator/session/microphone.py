"""The last half minute of the person's microphone, by position.

Positions are samples since the session started. The recogniser is fed from here rather than from the wire, so that when
it is lost the next one can be given what the first never answered.
"""

from mesh.audio import SAMPLE_RATE

KEPT_SAMPLES = 30 * SAMPLE_RATE

_SAMPLE_BYTES = 2


class Microphone:
    """A bounded store of 16-bit PCM; the oldest is forgotten first."""

    def __init__(self) -> None:
        self._pcm = bytearray()
        self.start = 0
        """The first position that is still kept."""

    @property
    def end(self) -> int:
        """The position after the last sample."""
        return self.start + len(self._pcm) // _SAMPLE_BYTES

    def write(self, pcm: bytes) -> None:
        """Append samples, forgetting what is older than `KEPT_SAMPLES`."""
        self._pcm += pcm
        excess = max(0, self.end - self.start - KEPT_SAMPLES)
        del self._pcm[: excess * _SAMPLE_BYTES]
        self.start += excess

    def read(self, position: int, limit: int) -> bytes:
        """Return up to `limit` samples from `position` on; empty at the end. ValueError if they are forgotten."""
        if position < self.start:
            raise ValueError(f"position {position} is no longer kept: {self.start} is the first")
        offset = (position - self.start) * _SAMPLE_BYTES
        return bytes(self._pcm[offset : offset + limit * _SAMPLE_BYTES])
