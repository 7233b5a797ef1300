"""Whether the machine is large enough."""

import asyncio
import os
import tempfile

import psutil

from launcher.checks.check import Context, Finding, advice, fine, wrong
from mesh.settings import load
from stt_proxy.settings import SttSettings

_CORES = 2

_MEMORY_BASE_MB = 300
_MEMORY_PER_RECOGNISER_MB = 110
"""What the processes of a mesh, and each embedded recogniser, were seen to take before anybody called."""

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
    workers = load(SttSettings, context.fitting).capacity
    needed_mb = _MEMORY_BASE_MB + workers * _MEMORY_PER_RECOGNISER_MB
    if not context.running and free_mb < needed_mb:
        found = f"{free_mb} MB are available; a mesh with {workers} recognisers takes about {needed_mb} MB"
        return advice("memory", found, f"set PARLEY_STT_WORKERS to less than {workers}, or end other programs")
    return fine("memory", f"{free_mb} MB are available")


def _temporary_files() -> Finding:
    try:
        with tempfile.TemporaryFile() as file:
            file.write(bytes(_MB))
    except OSError as error:
        found = f"cannot be written: {error.strerror}"
        return wrong("temporary files", found, "make room on the disk, or set TMPDIR to a folder that can be written")
    return fine("temporary files", f"can be written in {tempfile.gettempdir()}")
