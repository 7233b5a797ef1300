"""An SQLite file, and the thread that does all the work with it, so that none of it is done in the event loop."""

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from mesh.errors import UpstreamDown

T = TypeVar("T")

_BUSY_LIMIT_S = 2.0
"""How long another process may keep the file to itself."""


@asynccontextmanager
async def sqlite_thread(path: Path, schema: str) -> AsyncIterator["SqliteThread"]:
    """Open the file, which need not exist, while the block runs. Raises `UpstreamDown` if it cannot be used."""
    executor = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")
    try:
        connection = await _done(executor, lambda: _connected(path, schema))
        try:
            yield SqliteThread(executor, connection)
        finally:
            await _done(executor, connection.close)
    finally:
        executor.shutdown(wait=False)


class SqliteThread:
    """Does work with the file, one piece after the other."""

    def __init__(self, executor: Executor, connection: sqlite3.Connection) -> None:
        self._executor = executor
        self._connection = connection

    async def done(self, work: Callable[[sqlite3.Connection], T]) -> T:
        """What `work` returns when it is done. Raises `UpstreamDown` if it cannot be."""
        return await _done(self._executor, lambda: work(self._connection))


async def _done(executor: Executor, work: Callable[[], T]) -> T:
    """What `work` returns when it is done in the thread."""
    try:
        return await asyncio.get_running_loop().run_in_executor(executor, work)
    except (sqlite3.Error, OSError) as error:
        raise UpstreamDown("the store of custom voices cannot be used") from error


def _connected(path: Path, schema: str) -> sqlite3.Connection:
    """A connection to the file. Blocks."""
    # A voice is a personal matter: on a shared machine nobody else may read it.
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    path.touch(mode=0o600)
    connection = sqlite3.connect(path, timeout=_BUSY_LIMIT_S, check_same_thread=False)
    for pragma in (
        # To give freed pages back; it comes first because it holds for new files only.
        "PRAGMA auto_vacuum = FULL",
        "PRAGMA journal_mode = WAL",
        "PRAGMA synchronous = NORMAL",
        # What is deleted is overwritten by zeros.
        "PRAGMA secure_delete = ON",
    ):
        connection.execute(pragma)
    with connection:
        connection.executescript(schema)
    return connection
