"""Figures of many measurements."""

from collections.abc import Sequence
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Spread:
    """How measurements are spread, in their own unit."""

    count: int
    mean: float
    p50: float
    p95: float
    p99: float
    max: float


def spread(measured: Sequence[float]) -> Spread | None:
    """The spread of some measurements; None without any."""
    if not measured:
        return None
    ordered = sorted(measured)
    return Spread(
        len(ordered),
        sum(ordered) / len(ordered),
        percentile(ordered, 0.50),
        percentile(ordered, 0.95),
        percentile(ordered, 0.99),
        ordered[-1],
    )


def percentile(ordered: Sequence[float], share: float) -> float:
    """The value below which `share` of the ordered values lie, between neighbours by their distance."""
    at = share * (len(ordered) - 1)
    below = int(at)
    above = min(below + 1, len(ordered) - 1)
    return ordered[below] + (ordered[above] - ordered[below]) * (at - below)


class Tally:
    """Counts durations in classes that grow by a tenth, so that millions of them take no memory.

    The percentiles it gives are the upper end of a class: at most a tenth too high.
    """

    _SMALLEST_S = 0.000_1
    _GROWTH = 1.1

    def __init__(self) -> None:
        self.count = 0
        self.max_s = 0.0
        self._classes: list[int] = []
        self._ends = [self._SMALLEST_S]

    def add(self, seconds: float) -> None:
        """Count one."""
        self.count += 1
        self.max_s = max(self.max_s, seconds)
        number = 0
        while self._end(number) < seconds:
            number += 1
        while len(self._classes) <= number:
            self._classes.append(0)
        self._classes[number] += 1

    def percentile_s(self, share: float) -> float:
        """The seconds that `share` of them do not exceed; 0 without any."""
        left = share * self.count
        for number, counted in enumerate(self._classes):
            left -= counted
            if left <= 0 and counted:
                return min(self._end(number), self.max_s)
        return self.max_s

    def _end(self, number: int) -> float:
        while len(self._ends) <= number:
            self._ends.append(self._ends[-1] * self._GROWTH)
        return self._ends[number]
