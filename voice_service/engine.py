"""What a cloning engine is. docs/engines.md shows how to add one."""

from typing import Protocol

from mesh.engines.plugins import EngineGroup

LARGEST_EMBEDDING = 1 << 20
"""Bytes."""


class CloningEngine(Protocol):
    """Makes embeddings of recordings."""

    @property
    def name(self) -> str:
        """The synthesis engine that can speak with its embeddings: "espeak"."""

    async def clone(self, recording: bytes) -> bytes:
        """The embedding of whoever speaks in an audio file; at most `LARGEST_EMBEDDING` bytes.

        Raises `BadAudio` for a file that is of no use, and `UpstreamDown`.
        """

    async def works(self) -> bool:
        """Whether it could clone now. Answers within 2 s, and never fails."""


ENGINES: EngineGroup[CloningEngine] = EngineGroup(
    "parley.cloning_engines", variable="PARLEY_VOICES_CLONING_ENGINE", what="voice cloning"
)
"""The installed engines."""
