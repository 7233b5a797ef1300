"""What is known of one moshi-server: whether it answers, how much room it has, how it took the last streams. No I/O."""

import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from mesh.errors import MeshError, UpstreamMisconfigured
from moshi_client.urls import ServerUrl

_FIRST_REST_S, _LONGEST_REST_S = 0.1, 30.0
"""How long a server that failed is left alone: doubled from failure to failure."""
_JITTER = 0.2
"""By what part of itself a rest is made longer, at most, so that not everybody comes back at once."""


@dataclass(frozen=True, slots=True)
class Slots:
    """What a server told of its slots. `ours` is how many of them this process held then."""

    used: int
    total: int
    ours: int


@dataclass(eq=False)
class Upstream:
    """One server. Times are the event loop's."""

    url: ServerUrl
    host: str
    port: int
    answers: bool | None = None
    """Whether it answered when it was asked last; None: it has not been."""
    slots: Slots | None = None
    """None: it tells nothing of them."""
    leases: int = 0
    """Streams that this process has with it, or is opening."""
    trouble: MeshError | None = None
    """Why it is, or was, left alone."""
    _failures: int = 0
    _rests_until: float = float("-inf")

    @property
    def free(self) -> int | None:
        """How many slots are free, as far as is known."""
        if self.slots is None:
            return None
        return max(0, self.slots.total - self.slots.used - (self.leases - self.slots.ours))

    def rests(self, now: float) -> bool:
        """Whether it is left alone."""
        return now < self._rests_until

    @contextmanager
    def lease(self) -> Iterator[None]:
        """Count a stream while it lasts."""
        self.leases += 1
        try:
            yield
        finally:
            self.leases -= 1

    def heard(self, *, answers: bool, now: float) -> None:
        """It was asked whether it is there. One that comes back is not made to wait."""
        if answers and self.answers is False:
            self._rests_until = now
        self.answers = answers
        if not answers:
            self.slots = None

    def told(self, used: int, total: int) -> None:
        """It told of its slots."""
        self.slots = Slots(used, total, self.leases)

    def admitted(self) -> None:
        """It has taken a stream."""
        self._failures = 0
        self.trouble = None

    def refused(self) -> None:
        """It had no room, which is no failure."""
        self._failures = 0
        self.trouble = None
        if self.slots is not None:
            self.told(self.slots.total, self.slots.total)

    def failed(self, trouble: MeshError, now: float) -> None:
        """It did not take a stream. What is wrong with a setting will not be right soon."""
        self.trouble = trouble
        rest = _LONGEST_REST_S
        if not isinstance(trouble, UpstreamMisconfigured):
            rest = min(_FIRST_REST_S * 2**self._failures, _LONGEST_REST_S)
            self._failures = min(self._failures + 1, 16)
        self._rests_until = now + rest * random.uniform(1, 1 + _JITTER)  # noqa: S311 - no secret


def in_order(upstreams: list[Upstream], now: float) -> list[Upstream]:
    """Those to try, the best first: who answers, then who has most room, otherwise at random."""
    candidates = [each for each in upstreams if not each.rests(now)]
    random.shuffle(candidates)
    return sorted(candidates, key=_rank)


def _rank(upstream: Upstream) -> tuple[bool, bool, int]:
    free = upstream.free
    return upstream.answers is False, free == 0, -(free or 0)
