"""Places for uploads, and the pace that each must keep.

An upload may take its time while others have room. If all places are taken, one that is slow gives its place to the
next: the slowest of a client that has more uploads than the newcomer, else the slowest that is below `EASY_RATE`.
"""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import contextmanager
from typing import TypeVar

from mesh.errors import AtCapacity
from mesh.times import loop_time

Piece = TypeVar("Piece")

ARRIVAL_LIMIT_S = 60.0
"""How long an upload may take to arrive,"""
IDLE_LIMIT_S = 10.0
"""and how long nothing of it may come."""
LEAST_RATE = 8 << 10
"""Bytes per second that an upload must bring, after"""
GRACE_S = 10.0
"""seconds."""
EASY_RATE = 64 << 10
"""Bytes per second above which an upload gives way to nobody; the largest recording takes a minute at this rate."""
SETTLED_S = 2.0
"""How old an upload must be before its rate says anything."""


class UploadTooSlow(Exception):
    """An upload does not keep the pace. The message says why, for people."""


class Arrival:
    """An upload while it arrives."""

    def __init__(self, owner: str) -> None:
        self.owner = owner
        self._began = self._last = loop_time()
        self._bytes = 0
        self._waiting: asyncio.Timeout | None = None
        self._gives_way = False
        self._complete = False

    async def paced(self, pieces: AsyncIterator[Piece], size_of: Callable[[Piece], int]) -> AsyncIterator[Piece]:
        """The pieces as they come; `size_of` gives the bytes of one. Raises `UploadTooSlow`."""
        try:
            while True:
                self._last = loop_time()
                try:
                    async with asyncio.timeout_at(self._deadline()) as self._waiting:
                        piece = await anext(pieces, None)
                except TimeoutError:
                    raise UploadTooSlow(self._why()) from None
                finally:
                    self._waiting = None
                if piece is None:
                    return
                self._bytes += size_of(piece)
                yield piece
        finally:
            self._complete = True

    @property
    def may_give_way(self) -> bool:
        """Whether it still arrives, and has done so for long enough to be judged."""
        return not self._complete and not self._gives_way and loop_time() - self._began >= SETTLED_S

    @property
    def has_place(self) -> bool:
        """Whether it counts as one of those that are going on."""
        return not self._gives_way

    @property
    def rate(self) -> float:
        """Bytes per second so far."""
        return self._bytes / max(loop_time() - self._began, 1e-3)

    def give_way(self) -> None:
        """End it, in favour of another."""
        self._gives_way = True
        if self._waiting is not None:
            self._waiting.reschedule(loop_time())

    def _deadline(self) -> float:
        if self._gives_way:
            return loop_time()
        least_rate_until = self._began + GRACE_S + self._bytes / LEAST_RATE
        return min(self._began + ARRIVAL_LIMIT_S, self._last + IDLE_LIMIT_S, least_rate_until)

    def _why(self) -> str:
        if self._gives_way:
            return "the recording came too slowly, and others were waiting"
        return (
            f"the recording came too slowly: expected {LEAST_RATE >> 10} KiB a second, "
            f"something every {IDLE_LIMIT_S:g} s, and the end within {ARRIVAL_LIMIT_S:g} s"
        )


class UploadSlots:
    """Takes at most `most` uploads at a time: each may fill as much memory as the largest recording has."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._arrivals: list[Arrival] = []

    @contextmanager
    def one_more(self, owner: str = "") -> Iterator[Arrival]:
        """Admit one of this client while the block runs. Raises `AtCapacity`."""
        live = [each for each in self._arrivals if each.has_place]
        if len(live) >= self._most:
            slowest = self._slowest(live, owner)
            if slowest is None:
                raise AtCapacity("too many recordings are being uploaded")
            slowest.give_way()
        arrival = Arrival(owner)
        self._arrivals.append(arrival)
        try:
            yield arrival
        finally:
            self._arrivals.remove(arrival)

    def _slowest(self, live: list[Arrival], newcomer: str) -> Arrival | None:
        """The upload that gives way to the newcomer."""
        held = Counter(each.owner for each in live)
        most = max(held.values(), default=0)
        candidates = [each for each in live if each.may_give_way]
        if most > held[newcomer] + 1:
            greedy = [each for each in candidates if held[each.owner] == most]
            if greedy:
                return min(greedy, key=lambda each: each.rate)
        slow = [each for each in candidates if each.rate < EASY_RATE]
        return min(slow, key=lambda each: each.rate, default=None)
