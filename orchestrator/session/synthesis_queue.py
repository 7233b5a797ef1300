"""The replies of this process that wait for a synthesis, served in the order in which they came."""

import asyncio
from collections import deque
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager, suppress

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 0.5
"""Between two searches of the reply whose turn it is: a reply of another process may have ended."""


class SynthesisQueue:
    """Waits for a synthesis while every one is taken, first come, first served, for at most `limit_s`.

    Only the first searches. It searches again when a reply of this process gives up its synthesis, and now and then.
    """

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._waiting: deque[asyncio.Event] = deque()
        """Each is set when its turn has come."""
        self._freed = asyncio.Event()

    @property
    def is_empty(self) -> bool:
        """Whether no reply waits, so that a new one may search at once."""
        return not self._waiting

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for the turn; the next one's comes when the block is left."""
        turn = asyncio.Event()
        self._waiting.append(turn)
        try:
            if self._waiting[0] is not turn:
                await turn.wait()
            yield
        finally:
            self._waiting.remove(turn)
            if self._waiting:
                self._waiting[0].set()

    def freed(self) -> None:
        """Note that a reply has given up its synthesis."""
        self._freed.set()

    async def pauses(self) -> AsyncGenerator[None, None]:
        """Before each search of the reply whose turn it is: until a synthesis may be free. The first does not wait."""
        pause_s = _FIRST_PAUSE_S
        while True:
            self._freed.clear()
            yield
            with suppress(TimeoutError):
                async with asyncio.timeout(pause_s):
                    await self._freed.wait()
            pause_s = min(2 * pause_s, _LONGEST_PAUSE_S)
