"""One child process: started in a group of its own, read line by line, and gone when it is left."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

import psutil

# Longer lines are passed on in pieces.
MAX_LINE_BYTES = 16_384

# What a dead process has written is there to be read at once; only something it left behind could hold this up.
_LAST_LINES_S = 1.0


@asynccontextmanager
async def started(
    command: Sequence[str], environ: Mapping[str, str], on_line: Callable[[str], None]
) -> AsyncIterator[asyncio.subprocess.Process]:
    """Run `command`; every line of its output goes to `on_line`.

    It gets a process group of its own, so that a terminal's Ctrl-C reaches only the parent, and so that whatever it
    leaves behind can be killed with it when the context is left.
    """
    async with _pipe(on_line) as output:
        process = await asyncio.create_subprocess_exec(
            *command,
            env=environ,
            stdin=asyncio.subprocess.DEVNULL,
            stdout=output,
            stderr=asyncio.subprocess.STDOUT,
            process_group=0,
        )
        try:
            yield process
        finally:
            kill_group(process)
            await process.wait()


def kill_group(process: asyncio.subprocess.Process) -> None:
    """Kill the process and everything in its group, if anything of it is left."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


def cpu_seconds(pid: int) -> float:
    """The CPU time that a process and its descendants have used; 0 when it is gone."""
    try:
        process = psutil.Process(pid)
        family = [process, *process.children(recursive=True)]
    except psutil.Error:
        return 0.0
    total = 0.0
    for each in family:
        with suppress(psutil.Error):
            times = each.cpu_times()
            total += times.user + times.system
    return total


@asynccontextmanager
async def _pipe(on_line: Callable[[str], None]) -> AsyncIterator[int]:
    """The writing end of a pipe whose lines go to `on_line`.

    It is our own because asyncio takes a process for ended only when the pipes it made for it are closed, and what a
    process leaves behind keeps them open.
    """
    reading, writing = os.pipe()
    stream = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(stream), os.fdopen(reading, "rb")
    )
    passing_on = asyncio.create_task(_pass_on(stream, on_line))
    try:
        try:
            yield writing
        finally:
            os.close(writing)
        await asyncio.wait([passing_on], timeout=_LAST_LINES_S)
    finally:
        passing_on.cancel()
        with suppress(asyncio.CancelledError):
            await passing_on
        transport.close()


async def _pass_on(stream: asyncio.StreamReader, on_line: Callable[[str], None]) -> None:
    rest = b""
    while part := await stream.read(MAX_LINE_BYTES):
        *lines, rest = (rest + part).split(b"\n")
        for line in lines:
            on_line(_text(line))
        if len(rest) >= MAX_LINE_BYTES:
            on_line(_text(rest))
            rest = b""
    if rest:
        on_line(_text(rest))


def _text(line: bytes) -> str:
    return line.decode(errors="replace").rstrip("\r")
