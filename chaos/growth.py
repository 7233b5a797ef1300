"""Whether what a process uses stays flat from round to round. Pure functions on samples."""

from collections.abc import Sequence
from typing import NamedTuple

MEASURES = ("memory_mb", "descriptors", "sockets", "threads", "tasks", "slots")
"""What is sampled of each process while nobody talks; slots only of engines."""

_TOLERANCES = {"memory_mb": 3.0, "descriptors": 2.0, "sockets": 2.0, "threads": 2.0, "tasks": 2.0, "slots": 0.0}
_RELATIVE = {"memory_mb": 0.03}
_WARM_UP_ROUNDS = 2
"""What a process loads and caches in its first rounds is no leak."""
FEWEST_ROUNDS = _WARM_UP_ROUNDS + 3


class Growth(NamedTuple):
    """How one measure of one process went."""

    process: str
    measure: str
    first: float
    """After the warm-up."""
    last: float
    trend: float
    """By how much the line through all samples after the warm-up rises from the first to the last."""
    allowed: float

    @property
    def is_flat(self) -> bool:
        """Whether it does not grow."""
        return self.trend <= self.allowed


def growth(process: str, measure: str, values: Sequence[float]) -> Growth:
    """Judge the samples of all rounds, of which there are at least `FEWEST_ROUNDS`."""
    kept = list(values[_WARM_UP_ROUNDS:])
    mean = sum(kept) / len(kept)
    allowed = _TOLERANCES[measure] + _RELATIVE.get(measure, 0.0) * mean
    return Growth(process, measure, kept[0], kept[-1], _slope(kept) * (len(kept) - 1), allowed)


def _slope(values: Sequence[float]) -> float:
    """Of the least-squares line, a round."""
    middle = (len(values) - 1) / 2
    mean = sum(values) / len(values)
    over = sum((at - middle) * (value - mean) for at, value in enumerate(values))
    return over / sum((at - middle) ** 2 for at in range(len(values)))
