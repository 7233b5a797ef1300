"""Opens conversations in turn, so that a crowd at the door disturbs nobody inside, and is not refused by haste.

Opening one costs as much as a second of holding one. If hundreds are opened at once, each takes longer than those that
wait for it allow, and all of them fail. So a few are opened at a time, and the others wait.
"""

import asyncio
import copy
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from mesh.errors import AtCapacity
from mesh.times import loop_time

AT_ONCE = 8
"""Conversations that are being opened. They spend most of the time waiting for other processes."""

_LONGEST_WAIT_S = 8.0
"""How long one waits for its turn: clients give up a handshake after 10 s."""

_FULL_FOR_S = 0.5
"""How long the mesh is taken for full after a refusal, unless a conversation ends here. Then one at a time asks."""


class Openings:
    """The turns of one edge. First come, first served."""

    def __init__(self, at_once: int = AT_ONCE, longest_wait_s: float = _LONGEST_WAIT_S) -> None:
        self._turns = asyncio.Semaphore(at_once)
        self._longest_wait_s = longest_wait_s
        self._refusals: dict[bool, tuple[float, AtCapacity]] = {}
        """The last refusals and until when they hold, of typed conversations and of spoken ones."""
        self._asking: set[bool] = set()
        """Whether one asks again after a refusal."""

    @asynccontextmanager
    async def turn(self) -> AsyncIterator[None]:
        """Wait for a turn, which lasts as long as the block. Raises `AtCapacity` when that takes too long."""
        try:
            async with asyncio.timeout(self._longest_wait_s):
                await self._turns.acquire()
        except TimeoutError:
            raise AtCapacity("too many people are connecting at once", retry_after=self._longest_wait_s) from None
        try:
            yield
        finally:
            self._turns.release()

    @asynccontextmanager
    async def admission(self, *, typed: bool) -> AsyncIterator[None]:
        """Ask for admission while the block runs, in its turn.

        Raises `AtCapacity` at once if that was the answer a moment ago to a conversation that was `typed` as well, or
        spoken as well.
        """
        self._raise_if_full(typed)
        async with self.turn():
            self._raise_if_full(typed)
            self._asking.add(typed)
            try:
                yield
            except AtCapacity as refusal:
                self._refusals[typed] = loop_time() + _FULL_FOR_S, copy.copy(refusal)
                raise
            else:
                self._refusals.pop(typed, None)
            finally:
                self._asking.discard(typed)

    def freed(self) -> None:
        """A conversation has ended, so there may be room for another."""
        self._refusals.clear()

    def _raise_if_full(self, typed: bool) -> None:
        until, refusal = self._refusals.get(typed, (0.0, None))
        if refusal is not None and (loop_time() < until or typed in self._asking):
            # A copy, because each exception that is raised collects a trace of its own.
            raise copy.copy(refusal)
