"""One child process: started in a group of its own, read line by line, and gone when it is left."""

import asyncio
import os
import signal
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress

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
    process = await asyncio.create_subprocess_exec(
        *command,
        env=environ,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        process_group=0,
    )
    assert process.stdout is not None  # noqa: S101 - it was asked for
    output = asyncio.create_task(_pass_on(process.stdout, on_line))
    try:
        yield process
    finally:
        kill_group(process)
        await process.wait()
        await asyncio.wait([output], timeout=_LAST_LINES_S)
        output.cancel()
        with suppress(asyncio.CancelledError):
            await output


def kill_group(process: asyncio.subprocess.Process) -> None:
    """Kill the process and everything in its group, if anything of it is left."""
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)


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
