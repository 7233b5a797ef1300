"""Keeps custom voices in an SQLite file, which processes on one machine may share."""

import asyncio
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from concurrent.futures import Executor, ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from mesh.errors import UpstreamDown
from voice_service.store import CustomVoice, KeptVoice, Retention

T = TypeVar("T")

_BUSY_LIMIT_S = 2.0
"""How long another process may keep the file to itself."""

# Times are the machine's: processes that share the file share its clock, and it outlives them all.
_CREATE = """
CREATE TABLE IF NOT EXISTS voices (
    voice_id   TEXT PRIMARY KEY,
    engine     TEXT NOT NULL,
    embedding  BLOB NOT NULL,
    kept_until REAL NOT NULL
)
"""
_PUT = "INSERT INTO voices (voice_id, engine, embedding, kept_until) VALUES (?, ?, ?, ?)"
_GET = "SELECT engine, embedding, kept_until FROM voices WHERE voice_id = ?"
_FORGET_EXPIRED = "DELETE FROM voices WHERE kept_until <= ?"
_FORGET_OLDEST = """
DELETE FROM voices WHERE voice_id IN
    (SELECT voice_id FROM voices ORDER BY kept_until DESC, rowid DESC LIMIT -1 OFFSET ?)
"""


@asynccontextmanager
async def sqlite_store(path: Path, retention: Retention) -> AsyncIterator["SqliteStore"]:
    """Open the file, which need not exist, while the block runs. Raises `UpstreamDown` if it cannot be used."""
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="sqlite")
    try:
        connection = await _done(thread, lambda: _connected(path))
        try:
            yield SqliteStore(connection, thread, retention)
        finally:
            await _done(thread, connection.close)
    finally:
        thread.shutdown(wait=False)


class SqliteStore:
    """A `VoiceStore`. One thread does all the work, so that none of it is done in the event loop."""

    def __init__(self, connection: sqlite3.Connection, thread: Executor, retention: Retention) -> None:
        self._connection = connection
        self._thread = thread
        self._retention = retention

    async def put(self, voice_id: str, voice: CustomVoice) -> None:
        """Keep a voice."""
        await _done(self._thread, lambda: self._put(voice_id, voice))

    async def get(self, voice_id: str) -> KeptVoice | None:
        """Find a voice."""
        return await _done(self._thread, lambda: self._get(voice_id))

    async def purge(self) -> None:
        """Forget what is past its time, in the file and in the log beside it."""
        await _done(self._thread, self._purge)

    def _put(self, voice_id: str, voice: CustomVoice) -> None:
        now = time.time()
        with self._connection:
            self._connection.execute(_FORGET_EXPIRED, (now,))
            self._connection.execute(
                _PUT, (voice_id, voice.engine, voice.embedding, now + self._retention.time_to_live_s)
            )
            self._connection.execute(_FORGET_OLDEST, (self._retention.most_voices,))

    def _get(self, voice_id: str) -> KeptVoice | None:
        found = self._connection.execute(_GET, (voice_id,)).fetchone()
        if found is None:
            return None
        engine, embedding, kept_until = found
        left_s = kept_until - time.time()
        return KeptVoice(CustomVoice(engine, embedding), left_s) if left_s > 0 else None

    def _purge(self) -> None:
        with self._connection:
            forgotten = self._connection.execute(_FORGET_EXPIRED, (time.time(),)).rowcount
        if forgotten:
            # Until this is done, the log beside the file still has them.
            self._connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")


def _connected(path: Path) -> sqlite3.Connection:
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
        connection.execute(_CREATE)
    return connection


async def _done(thread: Executor, work: Callable[[], T]) -> T:
    """What `work` returns when it is done in the thread."""
    try:
        return await asyncio.get_running_loop().run_in_executor(thread, work)
    except (sqlite3.Error, OSError) as error:
        raise UpstreamDown("the store of custom voices cannot be used") from error
