"""The verifications of donations, in the SQLite file of the custom voices."""

import sqlite3
import time

from voice_service.donations.verification import KeptVerification, Verification
from voice_service.stores.sqlite_thread import SqliteThread

SCHEMA = """
CREATE TABLE IF NOT EXISTS verifications (
    verification_id TEXT PRIMARY KEY,
    text            TEXT NOT NULL,
    created_at      REAL NOT NULL,
    kept_until      REAL NOT NULL
);
"""
_PUT = "INSERT INTO verifications (verification_id, text, created_at, kept_until) VALUES (?, ?, ?, ?)"
_GET = "SELECT text, created_at, kept_until FROM verifications WHERE verification_id = ?"
_TAKE = "DELETE FROM verifications WHERE verification_id = ? AND kept_until > ?"
FORGET_EXPIRED = "DELETE FROM verifications WHERE kept_until <= ?"
_FORGET_OLDEST = """
DELETE FROM verifications WHERE rowid IN
    (SELECT rowid FROM verifications ORDER BY kept_until DESC, rowid DESC LIMIT -1 OFFSET ?)
"""


class SqliteVerifications:
    """A `VerificationStore`."""

    def __init__(self, thread: SqliteThread, most: int) -> None:
        self._thread = thread
        self._most = most

    async def put(self, verification: Verification, time_to_live_s: float) -> None:
        """Keep a verification."""

        def put(connection: sqlite3.Connection) -> None:
            now = time.time()
            with connection:
                connection.execute(FORGET_EXPIRED, (now,))
                connection.execute(
                    _PUT,
                    (
                        verification.verification_id,
                        verification.text,
                        verification.created_at_s,
                        now + time_to_live_s,
                    ),
                )
                connection.execute(_FORGET_OLDEST, (self._most,))

        await self._thread.done(put)

    async def get(self, verification_id: str) -> KeptVerification | None:
        """Find a verification."""

        def get(connection: sqlite3.Connection) -> KeptVerification | None:
            found = connection.execute(_GET, (verification_id,)).fetchone()
            if found is None:
                return None
            text, created_at, kept_until = found
            left_s = kept_until - time.time()
            return KeptVerification(Verification(verification_id, text, created_at), left_s) if left_s > 0 else None

        return await self._thread.done(get)

    async def take(self, verification_id: str) -> bool:
        """Use a verification up."""

        def take(connection: sqlite3.Connection) -> bool:
            with connection:
                return connection.execute(_TAKE, (verification_id, time.time())).rowcount == 1

        return await self._thread.done(take)
