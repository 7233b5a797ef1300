"""A worker on loan to one stream."""

import asyncio
from typing import Self

from mesh.audio import FRAME_BYTES, FRAME_S, SAMPLE_RATE
from mesh.errors import UpstreamDown
from stt_proxy.engine import Event, Flushed, Pause
from stt_proxy.engines.pocketsphinx.process import WorkerProcess
from stt_proxy.engines.pocketsphinx.wire import Audio, Finish, Finished, Flush, Heard, Open, Reply

_LONGEST_BACKLOG_S = 5.0
"""How far the sender may be ahead of the worker; what a frame takes at worst is a tenth of that."""

_MOST_FLUSHES = 16
"""How many flushes may be unanswered."""

_STALL_LIMIT_S = 4.0
"""How long a worker may have something to do and say nothing. Its slowest frame takes less than a second."""

_SAMPLE_BYTES = 2


class Lease:
    """The worker's part of a `Recognizer`, for one stream."""

    def __init__(self, worker: WorkerProcess) -> None:
        worker.streams += 1
        self._worker = worker
        self._stream = worker.streams
        self._sent_s = 0.0
        self._heard_s = 0.0
        self._unanswered = 0
        """Flushes, and the finish."""
        self._progress = asyncio.Event()
        worker.send(Open(self._stream))

    @property
    def backlog_s(self) -> float:
        """Seconds of audio that were sent and have not been heard."""
        return self._sent_s - self._heard_s

    async def send(self, pcm: bytes) -> None:
        """Give it the next samples, a frame at a time while it keeps up."""
        for start in range(0, len(pcm), FRAME_BYTES):
            await self._room()
            piece = pcm[start : start + FRAME_BYTES]
            self._worker.send(Audio(self._stream, piece))
            self._sent_s += len(piece) / _SAMPLE_BYTES / SAMPLE_RATE

    async def flush(self, flush_id: int) -> None:
        """Ask for the words of everything sent so far."""
        await self._room()
        self._worker.send(Flush(self._stream, flush_id))
        self._unanswered += 1

    async def finish(self) -> None:
        """Ask for what is left, and for the end of the events."""
        await self._room()
        self._worker.send(Finish(self._stream))
        self._unanswered += 1

    def __aiter__(self) -> Self:
        """The stream's events."""
        return self

    async def __anext__(self) -> Event:
        """The stream's next event."""
        while True:
            reply = await self._reply()
            # What was said last to the stream before may still be on its way.
            if isinstance(reply, Finished) and reply.stream == self._stream:
                raise StopAsyncIteration
            if isinstance(reply, Heard) and reply.stream == self._stream:
                self._note(reply.event)
                return reply.event

    async def _room(self) -> None:
        """Wait until the worker has caught up. The events, which are being taken meanwhile, tell."""
        while self.backlog_s > _LONGEST_BACKLOG_S or self._unanswered >= _MOST_FLUSHES:
            self._progress.clear()
            await self._progress.wait()

    async def _reply(self) -> Reply:
        while True:
            was_busy = self._busy()
            try:
                async with asyncio.timeout(_STALL_LIMIT_S):
                    return await self._worker.receive()
            except TimeoutError:
                if was_busy:
                    self._worker.kill()
                    raise UpstreamDown("the recogniser has stalled") from None

    def _busy(self) -> bool:
        return self._unanswered > 0 or self.backlog_s >= FRAME_S

    def _note(self, event: Event) -> None:
        match event:
            case Pause():
                self._heard_s = event.heard_s
            case Flushed():
                self._unanswered -= 1
            case _:
                return
        self._progress.set()
