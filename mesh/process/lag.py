"""How late the event loop runs what is due.

A process that is late sees every answer late, however soon it came. So a limit counts the peer's silence only if the
process's own lag is taken off (`timeout`), and a process that is late all the time should take nothing new: `Overload`.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from statistics import median

from mesh.process.platform import WantedTime

_SLICE_S = 0.05
"""How often a wait with a limit looks how late it is."""

_LONGEST_FACTOR = 4.0
"""How many times its limit a wait may take in all. A process that is later than that must end some time, too."""

_PROBED_EVERY_S = 0.1

_WINDOW_S = 2.0
"""How far back a process's lag is looked at."""

_LEAST_PROBES = 5

_SATURATED, _IDLE_AGAIN = 0.9, 0.75
"""The share of its time from which a thread counts as hardly idle, and below which as idle again."""


class PatientLimit:
    """A wait of at most `limit_s` seconds, which does not count how late its own timer was.

    `due` is when to `look` again. All times are those of one clock.
    """

    def __init__(self, now: float, limit_s: float) -> None:
        self._ends = now + limit_s
        self._latest = now + _LONGEST_FACTOR * limit_s
        self.due = 0.0
        self._plan(now)

    def look(self, now: float) -> float:
        """Take off what the look itself is late by, and return that."""
        late = min(max(0.0, now - self.due), max(0.0, self._latest - self._ends))
        self._ends += late
        self._plan(now)
        return late

    def is_over(self, now: float) -> bool:
        """Whether the limit is reached."""
        return now >= self._ends

    def _plan(self, now: float) -> None:
        self.due = min(now + _SLICE_S, self._ends)


@asynccontextmanager
async def timeout(limit_s: float, on_late: Callable[[float], None] | None = None) -> AsyncIterator[None]:
    """As `asyncio.timeout`, but what this process is late by meanwhile does not count, up to four times the limit.

    `on_late` is given the seconds of each such delay.
    """
    loop = asyncio.get_running_loop()
    wait = PatientLimit(loop.time(), limit_s)
    timer: asyncio.TimerHandle | None = None

    def look() -> None:
        nonlocal timer
        now = loop.time()
        late = wait.look(now)
        if late and on_late is not None:
            on_late(late)
        if wait.is_over(now):
            timer = None
            limit.reschedule(now)
        else:
            timer = loop.call_at(wait.due, look)

    async with asyncio.timeout(None) as limit:
        timer = loop.call_at(wait.due, look)
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()


class LoopLag:
    """The lag of the running event loop, probed while `measured` runs.

    A probe is a timer. What it is late by is what every other timer, and every message that had come meanwhile, was
    late by. `note` is given the seconds of each probe, and the loop's time.
    """

    def __init__(self, note: Callable[[float, float], None], every_s: float = _PROBED_EVERY_S) -> None:
        self._note = note
        self._every_s = every_s

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Probe while the block runs."""
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle | None = None

        def probe(due: float) -> None:
            nonlocal timer
            now = loop.time()
            self._note(max(0.0, now - due), now)
            due = now + self._every_s
            timer = loop.call_at(due, probe, due)

        probe(loop.time())
        try:
            yield
        finally:
            if timer is not None:
                timer.cancel()


class Overload:
    """Whether a process has more to do than it can do, for longer than a burst lasts. It shows in one of two ways.

    * It is late: the median of its lag within 2 s has reached `high_s`. That is over at a third of it.
    * Its thread is hardly idle: within 2 s it ran, or waited for a processor, for 90 % of the time. Then more comes
      than it takes, and what it has not taken waits in sockets, where no timer meets it. That is over at 75 %. Only
      Linux tells.

    A stall, however long, is one probe and no overload. `high_s` 0: it is never overloaded.
    """

    def __init__(self, high_s: float) -> None:
        self._high_s = high_s
        self._lags: deque[tuple[float, float]] = deque()
        self._wanted: deque[tuple[float, float]] = deque()
        self._is_late = self._is_saturated = False

    @property
    def lasts(self) -> bool:
        """Whether it is overloaded now."""
        return self._is_late or self._is_saturated

    def note(self, late_s: float, now: float, wanted_s: float | None = None) -> None:
        """Note a probe; `wanted_s`: for how long its thread has wanted a processor, since whenever."""
        if not self._high_s:
            return
        self._lags.append((now, late_s))
        while self._lags[0][0] < now - _WINDOW_S:
            self._lags.popleft()
        if len(self._lags) >= _LEAST_PROBES:
            lag_s = median(late for _, late in self._lags)
            self._is_late = lag_s > self._high_s / 3 if self._is_late else lag_s >= self._high_s
        if wanted_s is not None:
            self._is_saturated = self._share(now, wanted_s) >= (_IDLE_AGAIN if self._is_saturated else _SATURATED)

    def _share(self, now: float, wanted_s: float) -> float:
        """Of the last seconds; 0 as long as there were not so many."""
        self._wanted.append((now, wanted_s))
        while len(self._wanted) > 1 and self._wanted[1][0] <= now - _WINDOW_S:
            self._wanted.popleft()
        since, wanted_then_s = self._wanted[0]
        return (wanted_s - wanted_then_s) / (now - since) if now - since >= _WINDOW_S else 0.0

    @contextmanager
    def watched(self) -> Iterator["Overload"]:
        """Follow the running event loop while the block runs."""
        if not self._high_s:
            yield self
            return
        with (
            closing(WantedTime()) as wanted,
            LoopLag(lambda late_s, now: self.note(late_s, now, wanted.seconds())).measured(),
        ):
            yield self
