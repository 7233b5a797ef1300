"""The proxy's side of a worker process, and of one stream that it serves."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Self

from mesh.audio import FRAME_BYTES, FRAME_S, SAMPLE_BYTES, SAMPLE_RATE
from mesh.errors import UpstreamDown
from stt_proxy.engine import Event, Flushed, Pause
from stt_proxy.engines.pocketsphinx.wire import (
    LENGTH_BYTES,
    Audio,
    Command,
    Finish,
    Finished,
    Flush,
    Heard,
    Open,
    Ready,
    Reply,
    packed,
    reply_from,
)

_START_LIMIT_S = 60.0
"""Loading the models takes half a second of a free core; many workers that start at once share the cores."""

_EXIT_LIMIT_S = 1.0
"""How long a worker may take to notice the end of its input before it is killed."""

_MODULE = "stt_proxy.engines.pocketsphinx.worker"


class WorkerProcess:
    """One worker. `streams` counts those it was given, the newest included."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        assert process.stdin is not None  # noqa: S101 - both are pipes
        assert process.stdout is not None  # noqa: S101
        self._process = process
        self._commands = process.stdin
        self._replies = process.stdout
        self._length: int | None = None
        """Of the reply whose length has been read, but not yet the rest: a reader may be cancelled in between."""
        self.streams = 0

    @property
    def pid(self) -> int:
        """The process's id."""
        return self._process.pid

    @property
    def alive(self) -> bool:
        """Whether it can still be given a stream."""
        gone = self._process.returncode is not None or self._commands.is_closing() or self._replies.at_eof()
        return not gone

    def send(self, command: Command) -> None:
        """Queue a command. Raises `UpstreamDown`."""
        if not self.alive:
            raise _lost()
        self._commands.write(packed(command))

    async def receive(self) -> Reply:
        """Its next reply. May be cancelled without losing one. Raises `UpstreamDown`."""
        try:
            if self._length is None:
                self._length = int.from_bytes(await self._replies.readexactly(LENGTH_BYTES), "big")
            body = await self._replies.readexactly(self._length)
        except (asyncio.IncompleteReadError, ConnectionError):
            raise _lost() from None
        self._length = None
        return reply_from.decode(body)

    async def wait(self) -> int:
        """Wait for its end; the exit code, or minus the signal that killed it."""
        return await self._process.wait()

    def kill(self) -> None:
        """End it now."""
        with suppress(ProcessLookupError):
            self._process.kill()

    async def stop(self) -> None:
        """End it, and wait until it has gone."""
        self._commands.close()
        try:
            async with asyncio.timeout(_EXIT_LIMIT_S):
                await self._gone()
        except TimeoutError:
            self.kill()
            await self._gone()

    async def _gone(self) -> None:
        # asyncio waits for the pipe's end, and does not read on behind many replies that nobody took.
        await self._replies.read()
        await self._process.wait()


@asynccontextmanager
async def worker_process() -> AsyncIterator[WorkerProcess]:
    """Run a worker while the block runs. It is ready when the block begins. Raises `UpstreamDown` otherwise."""
    # A new program rather than a fork: the proxy has threads, and gRPC's do not survive a fork.
    command = (sys.executable, "-P", "-m", _MODULE)
    try:
        process = await asyncio.create_subprocess_exec(
            *command, stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE
        )
    except OSError as error:
        raise UpstreamDown(f"a recogniser cannot be started: {error.strerror}") from error
    worker = WorkerProcess(process)
    try:
        try:
            async with asyncio.timeout(_START_LIMIT_S):
                first = await worker.receive()
        except TimeoutError:
            raise UpstreamDown(f"a recogniser was not ready within {_START_LIMIT_S:g} s") from None
        assert isinstance(first, Ready)  # noqa: S101 - what a worker says first
        yield worker
    finally:
        await worker.stop()


def _lost() -> UpstreamDown:
    return UpstreamDown("the recogniser was lost")


_LONGEST_BACKLOG_S = 5.0
"""How far the sender may be ahead of the worker. A frame takes at most a tenth of that."""

_MOST_FLUSHES = 16
"""How many flushes may be unanswered."""

_STALL_LIMIT_S = 4.0
"""How long a busy worker may be silent. Its slowest frame takes less than a second."""


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
            self._sent_s += len(piece) / SAMPLE_BYTES / SAMPLE_RATE

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
        """Wait until the worker has caught up, as its events show; another task reads them."""
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
