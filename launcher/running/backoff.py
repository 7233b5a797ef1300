"""How long to wait before something that failed is tried again."""

from dataclasses import dataclass, field


@dataclass(slots=True)
class Backoff:
    """Pauses that double from `first_s` to `longest_s`, and start anew after a try that lasted `settled_s`."""

    first_s: float = 0.5
    longest_s: float = 30.0
    settled_s: float = 10.0
    _next_s: float = field(init=False)

    def __post_init__(self) -> None:
        self._next_s = self.first_s

    def pause(self, lasted_s: float) -> float:
        """The pause, in seconds, after a try that lasted `lasted_s`."""
        if lasted_s >= self.settled_s:
            self._next_s = self.first_s
        pause_s, self._next_s = self._next_s, min(2 * self._next_s, self.longest_s)
        return pause_s
