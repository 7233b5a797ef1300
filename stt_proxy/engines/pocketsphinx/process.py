"""A worker process as the proxy sees it."""

import asyncio
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from mesh.errors import UpstreamDown
from stt_proxy.engines.pocketsphinx.wire import LENGTH_BYTES, Command, Ready, Reply, packed, reply_from

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
        """Give it something to do, after what it has to do already. Raises `UpstreamDown`."""
        if not self.alive:
            raise _lost()
        self._commands.write(packed(command))

    async def receive(self) -> Reply:
        """What it says next. May be cancelled without losing anything. Raises `UpstreamDown`."""
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
                await self._process.wait()
        except TimeoutError:
            self.kill()
            await self._process.wait()


@asynccontextmanager
async def worker_process() -> AsyncIterator[WorkerProcess]:
    """Run a worker meanwhile, which is ready when the block begins. Raises `UpstreamDown` if it cannot start."""
    # In a process started anew rather than forked: the proxy has threads, and gRPC's do not survive a fork.
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
