"""Runs one process of the mesh so that it cannot outlive its parent.

    python -m launcher.running.child PARENT_PID MODULE

The kernel kills it when the parent ends, however that happens; a parent that is killed has no chance to do so itself.
"""

import ctypes
import importlib
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1  # linux/prctl.h


def main() -> None:
    """Run the module's `main` as a child of the process whose id is given."""
    parent_pid, module = sys.argv[1:]
    die_with(int(parent_pid))
    importlib.import_module(module).main()


def die_with(parent_pid: int) -> None:
    """Have the kernel kill this process when the thread that started it ends. Exits if the parent is already gone."""
    libc = ctypes.CDLL(None, use_errno=True)
    if libc.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL) != 0:
        raise OSError(ctypes.get_errno(), "cannot be tied to the parent process")
    if os.getppid() != parent_pid:
        sys.exit(f"the parent process {parent_pid} is gone")


if __name__ == "__main__":
    main()
