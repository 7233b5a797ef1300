"""How late the event loop runs what is due: the process's own share in every delay that it measures."""

import asyncio
from collections.abc import Callable, Iterator
from contextlib import contextmanager

_EVERY_S = 0.05


class LoopLag:
    """The lag of the running event loop, probed while `measured` runs.

    A probe is a timer. What it is late by is what every other timer, and every message that had come meanwhile, was
    late by.
    """

    def __init__(self, every_s: float = _EVERY_S, note: Callable[[float], None] | None = None) -> None:
        """`note` is given the seconds of each probe, one every `every_s`."""
        self._every_s = every_s
        self._note = note
        self.total_s = 0.0
        """All lag so far: its growth between two moments is what this process was late by in between."""

    @contextmanager
    def measured(self) -> Iterator["LoopLag"]:
        """Probe while the block runs."""
        loop = asyncio.get_running_loop()
        timer: asyncio.TimerHandle | None = None

        def probe(due: float) -> None:
            nonlocal timer
            now = loop.time()
            late = max(0.0, now - due)
            self.total_s += late
            if self._note is not None:
                self._note(late)
            due = now + self._every_s
            timer = loop.call_at(due, probe, due)

        probe(loop.time())
        try:
            yield self
        finally:
            if timer is not None:
                timer.cancel()
