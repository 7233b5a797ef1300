"""What only some systems have. Everything here has a second way, or is left out, where the system lacks it."""

import ctypes
import os
import platform
import resource
import signal
import socket
import sys
import tempfile
import threading
import time
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

_PR_SET_PDEATHSIG = 1  # linux/prctl.h
_WATCHED_EVERY_S = 0.5


def memory_file(content: bytes) -> BinaryIO:
    """A file without a name that holds `content`, at its beginning: in memory on Linux, else in a temporary folder."""
    file: BinaryIO
    if sys.platform == "linux":
        # The caller closes it; a descriptor has no path.
        file = open(os.memfd_create("recording"), "w+b")  # noqa: PTH123, SIM115
    else:
        file = tempfile.TemporaryFile()  # noqa: SIM115 - the caller closes it
    file.write(content)
    file.seek(0)
    return file


def limit_this_process(*, memory_bytes: int, cpu_s: int) -> None:
    """Limit its address space and its CPU time, and let it write no core file. macOS knows no such limit of memory."""
    for limit, most in (
        (resource.RLIMIT_AS, memory_bytes),
        (resource.RLIMIT_CPU, cpu_s),
        (resource.RLIMIT_CORE, 0),
    ):
        try:
            resource.setrlimit(limit, (most, most))
        except (ValueError, OSError):
            if sys.platform == "linux":
                raise


def processor() -> str:
    """The model of the processor, as exactly as the system tells it."""
    if sys.platform == "linux":
        for line in Path("/proc/cpuinfo").read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def can_share_ports() -> bool:
    """Whether the system distributes connections among processes that listen on one port."""
    return sys.platform == "linux"


def limit_unread(listener: socket.socket, limit_ms: int) -> None:
    """Let the connections that a listener accepts fail when sent bytes stay unconfirmed for so long.

    macOS has no such option; a peer that reads nothing is given up there when TCP gives it up, after minutes.
    """
    if sys.platform == "linux":
        listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_USER_TIMEOUT, limit_ms)


class WantedTime:
    """For how long the calling thread has run, or waited for a processor. `seconds` is None where only Linux knows."""

    def __init__(self) -> None:
        self._file: BinaryIO | None = None
        with suppress(OSError):
            self._file = Path("/proc/thread-self/schedstat").open("rb", buffering=0)  # noqa: SIM115 - closed below

    def seconds(self) -> float | None:
        """The time so far. https://docs.kernel.org/scheduler/sched-stats.html, "/proc/<pid>/schedstat"."""
        if self._file is None:
            return None
        ran_ns, waited_ns, _ = os.pread(self._file.fileno(), 100, 0).split()
        return (int(ran_ns) + int(waited_ns)) / 1e9

    def close(self) -> None:
        """Release the file."""
        if self._file is not None:
            self._file.close()


def die_with(parent_pid: int) -> None:
    """Have this process killed when the thread that started it ends. Exits if the parent is already gone.

    Linux does so at once. Elsewhere a thread looks twice a second whether the parent is there.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None, use_errno=True)
        if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
            raise OSError(ctypes.get_errno(), "cannot be tied to the parent process")
    else:
        threading.Thread(target=_watch, args=(parent_pid,), name="parent watch", daemon=True).start()
    if os.getppid() != parent_pid:
        sys.exit(f"the parent process {parent_pid} is gone")


def _watch(parent_pid: int) -> None:
    while os.getppid() == parent_pid:
        time.sleep(_WATCHED_EVERY_S)
    os.kill(os.getpid(), signal.SIGKILL)
