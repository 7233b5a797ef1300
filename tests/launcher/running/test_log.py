import asyncio
import os
import sys
from asyncio.subprocess import PIPE

import pytest

from launcher.running.output import PrefixedLog


def test_lines_are_aligned_behind_their_names(capsys: pytest.CaptureFixture[str]) -> None:
    log = PrefixedLog(["edge", "stt-proxy"])
    log("edge", "serving")
    log("stt-proxy", "warm")
    assert capsys.readouterr().out == "edge      | serving\nstt-proxy | warm\n"


def test_there_is_no_colour_where_there_is_no_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    PrefixedLog(["edge"])("edge", "serving")
    assert "\x1b" not in capsys.readouterr().out


async def test_says_once_that_nobody_reads_any_more() -> None:
    code = (
        "import sys\n"
        "from launcher.running.output import PrefixedLog\n"
        "log = PrefixedLog(['edge'])\n"
        "log.on_closed = lambda: print('closed', file=sys.stderr)\n"
        "sys.stdin.readline()\n"
        "log('edge', 'one')\n"
        "log('edge', 'two')\n"
    )
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", code), env=os.environ, stdin=PIPE, stdout=PIPE, stderr=PIPE
    )
    assert process.stdin is not None
    assert process.stderr is not None
    # There is no other way to close one end of a pipe that asyncio has made.
    process._transport.get_pipe_transport(1).close()  # type: ignore[attr-defined]
    process.stdin.write(b"\n")
    assert await process.stderr.read() == b"closed\n"
    await process.wait()
