"""The clauses of one reply that wait to be spoken, and how long each waits for more text."""

import asyncio

from tts_proxy.clauses.splitting import Clause, Clauses

_MOST_UNSPOKEN = 10_000
"""Characters that may wait to be spoken before more text has to wait outside."""


class ClauseQueue:
    """Text goes in at one end, and clauses come out at the other.

    Text without an end to its clause is kept for `patience_s` seconds, or longer, until there is only that much left to
    listen to.
    """

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._clauses = Clauses()
        self._waiting_since = 0.0
        self._silent_from = 0.0
        """When one who listens from the first sample on has heard all there is; on the event loop's clock."""
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    @property
    def at_end(self) -> bool:
        """Whether nothing waits, and nothing will."""
        return self._clauses.finished and not self._clauses.characters

    async def add(self, text: str) -> None:
        """Take in whole words; waits while much is yet unspoken."""
        await self._room.wait()
        if not self._clauses.characters:
            self._waiting_since = _now()
        self._clauses.add(text)
        self._changed.set()
        self._update_room()

    def finish(self) -> None:
        """No more text comes."""
        self._clauses.finish()
        self._changed.set()

    def heard_later(self, seconds: float) -> None:
        """Note that there is so much more to listen to."""
        self._silent_from = max(self._silent_from, _now()) + seconds

    async def next(self) -> Clause | None:
        """The next clause, as soon as it should be spoken; None when everything has been."""
        clause = self._clauses.take()
        while clause is None and not self._clauses.finished:
            clause = self._clauses.take() if await self._more_came() else self._clauses.take_waiting()
        self._waiting_since = _now()
        self._update_room()
        return clause

    async def _more_came(self) -> bool:
        """Wait for text, or its end; False if what is there should not wait for it any longer."""
        self._changed.clear()
        try:
            async with asyncio.timeout_at(self._patience_ends()):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _patience_ends(self) -> float | None:
        """None while there is nothing to be impatient about: then it is for the caller to limit the wait."""
        if not self._clauses.characters:
            return None
        return max(self._waiting_since + self._patience_s, self._silent_from - self._patience_s)

    def _update_room(self) -> None:
        if self._clauses.characters < _MOST_UNSPOKEN:
            self._room.set()
        else:
            self._room.clear()


def _now() -> float:
    return asyncio.get_running_loop().time()
