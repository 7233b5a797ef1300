"""Slots, counted exactly."""

from collections.abc import Callable

from standins.watched import Watched


class Slots(Watched):
    """`capacity` of them. What a session takes it gives back once, however it ends."""

    def __init__(self, capacity: int) -> None:
        super().__init__()
        self.capacity = capacity
        self.used = 0
        """Taken at present. May exceed a capacity that was lowered meanwhile."""
        self.peak = 0
        """The most that were taken at once."""
        self.granted = 0
        """Taken so far, those given back included."""
        self.refused = 0
        """Asked for when there was none."""

    def take(self) -> Callable[[], None] | None:
        """Take one and return what gives it back, which may be called more than once; None: there is none."""
        if self.used >= self.capacity:
            self.refuse()
            return None
        self.used += 1
        self.granted += 1
        self.peak = max(self.peak, self.used)
        self.changed()
        taken = True

        def give_back() -> None:
            nonlocal taken
            if taken:
                taken = False
                self.used -= 1
                self.changed()

        return give_back

    def refuse(self) -> None:
        """Count somebody who got none."""
        self.refused += 1
        self.changed()

    async def until_free(self, within: float = 2.0) -> None:
        """Wait until all are free; `TimeoutError` after `within` seconds."""
        await self.until(lambda: self.used == 0, within)

    def counts(self) -> dict[str, int]:
        """All of it, for people and programs."""
        return {
            "capacity": self.capacity,
            "used": self.used,
            "peak": self.peak,
            "granted": self.granted,
            "refused": self.refused,
        }
