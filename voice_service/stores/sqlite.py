"""Keeps custom voices, and the verifications of donations, in an SQLite file that processes of one machine share."""

import sqlite3
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from voice_service.store import CustomVoice, KeptVoice, Retention
from voice_service.stores import sqlite_verifications
from voice_service.stores.sqlite_thread import SqliteThread, sqlite_thread
from voice_service.stores.sqlite_verifications import SqliteVerifications

# Times are the machine's: processes that share the file share its clock, and it outlives them all.
_SCHEMA = """
CREATE TABLE IF NOT EXISTS voices (
    voice_id   TEXT PRIMARY KEY,
    engine     TEXT NOT NULL,
    embedding  BLOB NOT NULL,
    kept_until REAL NOT NULL
);
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
    async with sqlite_thread(path, _SCHEMA + sqlite_verifications.SCHEMA) as thread:
        yield SqliteStore(thread, retention)


class SqliteStore:
    """A `VoiceStore`."""

    def __init__(self, thread: SqliteThread, retention: Retention) -> None:
        self.verifications = SqliteVerifications(thread, retention.most_verifications)
        self._thread = thread
        self._retention = retention

    async def put(self, voice_id: str, voice: CustomVoice) -> KeptVoice:
        """Keep a voice."""

        def put(connection: sqlite3.Connection) -> None:
            now = time.time()
            with connection:
                connection.execute(_FORGET_EXPIRED, (now,))
                connection.execute(
                    _PUT, (voice_id, voice.engine, voice.embedding, now + self._retention.time_to_live_s)
                )
                connection.execute(_FORGET_OLDEST, (self._retention.most_voices,))

        await self._thread.done(put)
        return KeptVoice(voice, self._retention.time_to_live_s)

    async def get(self, voice_id: str) -> KeptVoice | None:
        """Find a voice."""

        def get(connection: sqlite3.Connection) -> KeptVoice | None:
            found = connection.execute(_GET, (voice_id,)).fetchone()
            if found is None:
                return None
            engine, embedding, kept_until = found
            left_s = kept_until - time.time()
            return KeptVoice(CustomVoice(engine, embedding), left_s) if left_s > 0 else None

        return await self._thread.done(get)

    async def purge(self) -> None:
        """Forget what is past its time, in the file and in the log beside it."""

        def purge(connection: sqlite3.Connection) -> None:
            now = time.time()
            with connection:
                forgotten = connection.execute(_FORGET_EXPIRED, (now,)).rowcount
                connection.execute(sqlite_verifications.FORGET_EXPIRED, (now,))
            if forgotten:
                # Until this is done, the log beside the file still has them.
                connection.execute("PRAGMA wal_checkpoint(TRUNCATE)")

        await self._thread.done(purge)
