"""Searches how many users a mesh holds. It runs nothing: it says what to try next and is told how that went."""

from loadtest.results import Result
from loadtest.sessions import Outcome

SLOWER = 1.25
"""How much slower than with one user a mesh may be that holds them."""

_UNANSWERED_SHARE = 0.01
"""Turns that may go wrong: one in a hundred, whatever the reason."""


class CapacitySearch:
    """Doubles the users until there are too many, then halves the interval, to a twentieth of what is held.

    `first` is what is tried first, `most` the largest number that is tried.
    """

    def __init__(self, first: int = 8, most: int = 10_000) -> None:
        self.held = 0
        """The most users so far that were held."""
        self.too_many: int | None = None
        """The fewest so far that were not."""
        self._first = first
        self._most = most

    def next(self) -> int | None:
        """How many users to try; None: it is known."""
        if self.too_many is None:
            wanted = min(self._most, 2 * self.held or self._first)
            return wanted if wanted > self.held else None
        if self.too_many - self.held <= max(1, self.held // 20):
            return None
        return (self.held + self.too_many) // 2

    def note(self, users: int, *, held: bool) -> None:
        """Note how it went with so many."""
        if held:
            self.held = max(self.held, users)
        else:
            self.too_many = min(users, self.too_many or users)


def why_not_held(result: Result, limit_s: float) -> str | None:
    """Why a mesh did not hold these users, for people; None: it did.

    It did if every session was admitted and kept, 99 turns of 100 were answered, and 95 of 100 were answered within
    `limit_s`.
    """
    if refusals := result.refusals():
        return f"{sum(refusals.values())} sessions were refused"
    if losses := result.losses():
        return f"{sum(losses.values())} sessions were lost"
    outcomes = result.outcomes()
    turns = sum(outcomes.values())
    failed = turns - outcomes.get(Outcome.ANSWERED, 0)
    if not turns or failed > turns * _UNANSWERED_SHARE:
        return f"{failed} of {turns} turns were not answered well"
    found = result.marks().get(result.headline)
    if found is None:
        return f"nobody got as far as: {result.headline.label}"
    if found.p95 > limit_s:
        return f"{result.headline.label} p95 was {found.p95 * 1_000:.0f} ms, more than {limit_s * 1_000:.0f}"
    return None
