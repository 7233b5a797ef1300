"""Tries something out in a process of its own, so that a crash is reported, not suffered."""

import asyncio
import os
import signal
import sys
import time
from collections import deque
from collections.abc import Mapping, Sequence
from dataclasses import replace
from importlib.metadata import entry_points
from typing import NamedTuple

import msgspec

from launcher.running.process import started
from mesh.discovery.addresses import BadTarget
from mesh.engines.extras import MissingExtra
from mesh.engines.findings import Finding, State, wrong
from mesh.engines.plugins import EngineUnavailable
from mesh.errors import MeshError
from mesh.settings import SettingError, load

_ENGINE_LIMIT_S = 45.0
"""Half a second is usual; a busy machine with slow disks may need much longer."""


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


async def try_engine(group: str, name: str, environ: Mapping[str, str]) -> list[Finding]:
    """What the plugin `name` of the entry-point group finds when it tries its engine out."""
    outcome = await attempt(["-m", "launcher.checks.trial", group, name], environ, limit_s=_ENGINE_LIMIT_S)
    if outcome.failure is None:
        try:
            findings = msgspec.json.decode(outcome.said, type=list[Finding])
        except msgspec.DecodeError:
            return [wrong(name, f"does not say whether it works: {outcome.said}", "report this fault of its plugin")]
        return [_timed(each, outcome.took_s) for each in findings]
    return [wrong(name, f"does not work: {outcome.failure}", "install its packages again, or choose another engine")]


def _timed(finding: Finding, took_s: float) -> Finding:
    if finding.state is not State.FINE:
        return finding
    return replace(finding, found=f"{finding.found}, in {took_s:.1f} s")


def main() -> None:
    """Try one engine: `python -m launcher.checks.trial GROUP NAME`. Its findings are the last line, as JSON."""
    group, name = sys.argv[1:]
    plugin = entry_points(group=group)[name].load()
    try:
        findings = asyncio.run(plugin.check(load(plugin.settings_type, os.environ)))
    except (MeshError, MissingExtra, EngineUnavailable, SettingError, BadTarget) as error:
        raise SystemExit(str(error)) from None
    sys.stdout.write(f"{msgspec.json.encode(list(findings)).decode()}\n")


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


if __name__ == "__main__":
    main()
