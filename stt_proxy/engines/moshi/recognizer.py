"""One stream with the engine, as a `Recognizer`."""

import asyncio
from collections import deque
from typing import Final, Self

import numpy as np
from msgspec import Raw

from mesh.audio import FRAME_BYTES, FRAME_S
from mesh.errors import UpstreamDown
from mesh.limits import RepeatedLimit
from mesh.times import loop_time
from moshi_client.connection import Connection
from moshi_client.floats import Floats, packed_floats
from moshi_client.messages import Audio, FromRecogniser, packed
from stt_proxy.engine import Event
from stt_proxy.engines.moshi.stream_state import StreamState

_LONGEST_MESSAGE: Final = 12 * FRAME_BYTES
"""Bytes of audio in a message: about a second."""
_LONGEST_BACKLOG_S: Final = 5.0
"""How far the sender may be ahead of the engine."""
_MOST_FLUSHES: Final = 16
"""How many flushes may be unanswered."""
_STALL_LIMIT_S: Final = 1.0
"""How long the engine may have a frame and not take it in. One that is behind still takes one every 80 ms."""
_LOOK_EVERY_S: Final = 0.25
_QUIET_LIMIT_S: Final = 30.0
"""How long nothing is sent before an empty message is: the engine lets go of who is silent for 120 s."""


class MoshiRecognizer:
    """See `stt_proxy.engine.Recognizer`."""

    def __init__(self, connection: Connection[FromRecogniser], state: StreamState) -> None:
        self._connection = connection
        self._state = state
        self._events: deque[Event] = deque()
        self._progress = asyncio.Event()
        self._look = RepeatedLimit(_LOOK_EVERY_S)
        self._looks = 0
        """How often nothing had come, since the last step. A look that this process is late for is one, too."""
        self._sent_at = loop_time()

    @property
    def backlog_s(self) -> float:
        """Seconds of audio that were sent and have not been taken in."""
        return self._state.backlog_s

    async def send(self, pcm: bytes) -> None:
        """Give it the next samples."""
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768)
        most = _LONGEST_MESSAGE // 2
        for start in range(0, len(samples), most):
            await self._room()
            piece = samples[start : start + most]
            self._busy_from_now()
            self._state.sent(len(piece))
            await self._send(piece)

    async def flush(self, flush_id: int) -> None:
        """Ask for the words of everything sent so far."""
        await self._flush(flush_id)

    async def finish(self) -> None:
        """Ask for what is left, and for the end of the events."""
        await self._flush(None)

    def __aiter__(self) -> Self:
        """The stream's events."""
        return self

    async def __anext__(self) -> Event:
        """The stream's next event."""
        while not self._events:
            if self._state.finished:
                raise StopAsyncIteration
            steps = self._state.steps
            self._events.extend(self._state.take(await self._message()))
            if self._state.steps > steps:
                self._looks = 0
                self._progress.set()
        return self._events.popleft()

    async def _flush(self, flush_id: int | None) -> None:
        await self._room()
        self._busy_from_now()
        if silence := self._state.flush(flush_id):
            await self._send(np.zeros(silence, np.float32))

    async def _send(self, samples: Floats) -> None:
        self._sent_at = loop_time()
        await self._connection.send(packed(Audio(Raw(packed_floats(samples)))))

    async def _room(self) -> None:
        """Wait until the engine has caught up, as its events show; another task reads them."""
        while self.backlog_s > _LONGEST_BACKLOG_S or self._state.unanswered >= _MOST_FLUSHES:
            self._progress.clear()
            await self._progress.wait()

    async def _message(self) -> FromRecogniser:
        """The next message. Meanwhile, the engine is kept from taking us for gone, and noticed when it is."""
        while True:
            try:
                with self._look:
                    return await self._connection.receive()
            except TimeoutError:
                pass
            self._looks += 1
            if self._is_busy() and self._looks * _LOOK_EVERY_S >= _STALL_LIMIT_S:
                raise UpstreamDown(f"the engine has taken in no audio for {_STALL_LIMIT_S:g} s")
            if loop_time() - self._sent_at > _QUIET_LIMIT_S:
                await self._send(np.zeros(0, np.float32))

    def _is_busy(self) -> bool:
        return self.backlog_s >= FRAME_S

    def _busy_from_now(self) -> None:
        """It has something to do again: only from now on can it be late."""
        if not self._is_busy():
            self._looks = 0
