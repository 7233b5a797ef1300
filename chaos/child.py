"""Runs one process of the mesh like `launcher.running.child`, and has it report its tasks.

    python -m chaos.child PARENT_PID MODULE FILE

Every second it writes the number of its asyncio tasks into the file, from a thread of its own. No process of the mesh
reports them otherwise, and nothing outside can count them.
"""

import asyncio
import gc
import sys
import threading
import time
from contextlib import suppress
from pathlib import Path

from launcher.running import child

_EVERY_S = 1.0


def main() -> None:
    """Start the reports, and be the process."""
    threading.Thread(target=_report, args=(Path(sys.argv.pop()),), name="task count", daemon=True).start()
    child.main()


def _report(file: Path) -> None:
    loop: asyncio.AbstractEventLoop | None = None
    while True:
        time.sleep(_EVERY_S)
        if loop is None or loop.is_closed():
            loop = next((each for each in gc.get_objects() if isinstance(each, asyncio.AbstractEventLoop)), None)
        # The set of tasks may change under this thread: then the next report is as good.
        with suppress(RuntimeError, OSError):
            file.write_text(str(len(asyncio.all_tasks(loop)) if loop else 0), encoding="ascii")


if __name__ == "__main__":
    main()
