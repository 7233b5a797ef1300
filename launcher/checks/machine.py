"""Whether the machine is large enough."""

import asyncio
import os
import tempfile
from typing import Any

import psutil

from launcher.checks.check import Context
from launcher.engines import groups
from mesh.engines.extras import MissingExtra
from mesh.engines.findings import Finding, advice, fine, wrong
from mesh.engines.plugins import EngineGroup, EngineUnavailable, Memory
from mesh.settings import SettingError

_CORES = 2

_MEMORY_BASE_MB = 300
"""What the processes of a mesh were seen to take before anybody called, without their engines."""

_MB = 1 << 20


async def machine(context: Context) -> list[Finding]:
    """Look at cores, memory and the place for temporary files."""
    return [_cores(), _memory(context), await asyncio.to_thread(_temporary_files)]


def _cores() -> Finding:
    cores = os.cpu_count() or 1
    if cores < _CORES:
        return advice("cores", f"{cores}", "expect one conversation at a time; two cores or more are comfortable")
    return fine("cores", f"{cores}")


def _memory(context: Context) -> Finding:
    free_mb = psutil.virtual_memory().available // _MB
    held = [memory for group in groups() if (memory := _memory_of(group, context))]
    needed_mb = _MEMORY_BASE_MB + sum(each.mb for each in held)
    if not context.running and free_mb < needed_mb:
        holders = f" with {' and '.join(each.holder for each in held)}" if held else ""
        found = f"{free_mb} MB are available; a mesh{holders} takes about {needed_mb} MB"
        return advice("memory", found, ", or ".join([*(each.remedy for each in held), "end other programs"]))
    return fine("memory", f"{free_mb} MB are available")


def _memory_of(group: EngineGroup[Any], context: Context) -> Memory | None:
    """What the engine that would run takes; None: nothing worth counting, or none can run."""
    try:
        choice = group.choose(context.fitting)
    except (MissingExtra, EngineUnavailable, SettingError):
        return None
    return choice.plugin.memory(choice.settings)


def _temporary_files() -> Finding:
    try:
        with tempfile.TemporaryFile() as file:
            file.write(bytes(_MB))
    except OSError as error:
        found = f"cannot be written: {error.strerror}"
        return wrong("temporary files", found, "make room on the disk, or set TMPDIR to a folder that can be written")
    return fine("temporary files", f"can be written in {tempfile.gettempdir()}")
