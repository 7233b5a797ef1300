"""Tries something out in a process of its own, so that a crash is reported, not suffered."""

import asyncio
import signal
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from typing import NamedTuple

from launcher.running.process import started


class Outcome(NamedTuple):
    """How it went. `failure` says how it ended, if not well, and its last words."""

    took_s: float
    said: str
    failure: str | None


async def attempt(arguments: Sequence[str], environ: Mapping[str, str], *, limit_s: float) -> Outcome:
    """Run this Python with `arguments`, for at most so many seconds."""
    lines: deque[str] = deque(maxlen=5)
    began = time.monotonic()
    code: int | None = None
    async with started((sys.executable, "-P", *arguments), environ, lines.append) as process:
        try:
            async with asyncio.timeout(limit_s):
                code = await process.wait()
        except TimeoutError:
            pass
    took_s = time.monotonic() - began
    said = next((line.strip() for line in reversed(lines) if line.strip()), "")
    return Outcome(took_s, said, _failure(code, said, limit_s))


def _failure(code: int | None, said: str, limit_s: float) -> str | None:
    match code:
        case 0:
            return None
        case None:
            return f"it was not done within {limit_s:g} s"
        case _ if code < 0:
            return f"it crashed ({signal.Signals(-code).name})"
        case _:
            return said or f"it ended with exit code {code}"
