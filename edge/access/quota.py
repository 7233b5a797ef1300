"""How often each client address may do something in a day."""

import time
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from edge.access.admission import owner_of

_DAY_S = 24 * 3_600.0
_MOST_ADDRESSES = 100_000
"""So many are remembered. A day on which more turn up begins again for all of them."""


class QuotaUsedUp(Exception):
    """The address has done it as often as it may. `retry_after_s` is when the next day begins."""

    def __init__(self, retry_after_s: float) -> None:
        super().__init__("this address has used up what it may send in a day")
        self.retry_after_s = retry_after_s


class DailyQuota:
    """Lets each address do something `most` times in a day; 0: no limit. Days begin with the process."""

    def __init__(self, most: int, clock: Callable[[], float] = time.monotonic) -> None:
        self._most = most
        self._clock = clock
        self._began = clock()
        self._done: Counter[str] = Counter()

    def check(self, address: str) -> None:
        """Raise `QuotaUsedUp` if it may not do it once more."""
        since = self._clock() - self._began
        if since >= _DAY_S or len(self._done) > _MOST_ADDRESSES:
            self._began, since = self._clock(), 0.0
            self._done.clear()
        if self._most and self._done[owner_of(address)] >= self._most:
            raise QuotaUsedUp(_DAY_S - since)

    @contextmanager
    def one_more(self, address: str) -> Iterator[None]:
        """Count it, unless the block fails. Raises `QuotaUsedUp`."""
        self.check(address)
        owner = owner_of(address)
        self._done[owner] += 1
        try:
            yield
        except BaseException:
            self._done[owner] -= 1
            raise
