"""The audio of one reply, between its synthesis and its release."""

import asyncio
from collections import deque

from mesh.audio import SAMPLE_RATE

_SAMPLE_BYTES = 2
_LONGEST_S = 60
_BOUND = _LONGEST_S * SAMPLE_RATE * _SAMPLE_BYTES


class Speech:
    """16-bit PCM, 24 kHz, first in first out. It holds a minute; gRPC's flow control then stops the engine."""

    def __init__(self) -> None:
        self._chunks: deque[bytes] = deque()
        self._bytes = 0
        self._room = asyncio.Event()
        self._room.set()

    async def put(self, pcm: bytes) -> None:
        """Wait until there is room, then append. What is appended counts whole, so the bound may be passed by one."""
        await self._room.wait()
        self._chunks.append(pcm)
        self._bytes += len(pcm)
        self._update_room()

    def take(self, samples: int) -> bytes:
        """Remove and return the next `samples`; ValueError if there are not that many."""
        wanted = samples * _SAMPLE_BYTES
        if wanted > self._bytes:
            raise ValueError(f"{samples} samples were asked for, {self._bytes // _SAMPLE_BYTES} are there")
        taken = []
        while wanted:
            chunk = self._chunks.popleft()
            if len(chunk) > wanted:
                self._chunks.appendleft(chunk[wanted:])
                chunk = chunk[:wanted]
            taken.append(chunk)
            wanted -= len(chunk)
            self._bytes -= len(chunk)
        self._update_room()
        return b"".join(taken)

    def _update_room(self) -> None:
        if self._bytes < _BOUND:
            self._room.set()
        else:
            self._room.clear()
