"""Whether the language model's server can be used, and when it is asked for a sign of life.

What real requests meet decides. A server whose last request was answered is up, and it is asked for its list of models
rarely: a list costs a request, providers limit those, and some have none. In between a bare connection shows whether
the server is still there. After a failure it is asked again soon, and then less and less often.

Times are arguments, in seconds of any one clock. Nothing here does I/O.
"""

from enum import Enum, auto

LIST_EVERY_S = 30.0
"""How often the models of a server that is up are listed."""
LIST_RARELY_S = 600.0
"""The same, for a server that does not list its models."""
CONNECT_EVERY_S = 2.0
"""How often a server nearby that is up is connected to: one of this machine or of a private network."""
CONNECT_FAR_EVERY_S = 15.0
"""The same for others."""
_FIRST_PAUSE_S = 1.0
_LONGEST_PAUSE_S = 8.0
_LONGEST_PAUSE_UNREACHED_S = 2.0
"""After a failure: from the first try to the next, and at most; the last where nothing is reached, which is cheap."""
_MOST_DOUBTS = 3


class Check(Enum):
    """What is to be asked of a server now."""

    NOTHING = auto()
    CONNECTION = auto()
    MODELS = auto()


class ServerHealth:
    """The health of one server, which begins as down. The caller does what is `due` and reports what came of it."""

    def __init__(self) -> None:
        self.up = False
        self._down_since = float("-inf")
        self._answered = False
        """Its last real request was answered."""
        self._failures = 0
        """In a row."""
        self._requests_fail = False
        """Real requests are among them: only a real answer ends the row."""
        self._doubts = 0
        self._near = True
        self._list_at = float("-inf")
        self._connect_at = float("inf")

    def was_up(self, since: float) -> bool:
        """Whether it is up, or was at some time after this one."""
        return self.up or self._down_since > since

    def due(self, now: float) -> Check:
        """What to ask now."""
        if now >= self._list_at:
            return Check.MODELS
        return Check.CONNECTION if now >= self._connect_at else Check.NOTHING

    # --- real requests --------------------------------------------------------------------------------------------

    def answered(self, now: float) -> None:
        """A real request was answered."""
        self._answered, self._requests_fail = True, False
        self._doubts = 0
        self._is_up(now, max(self._list_at, now + LIST_EVERY_S))

    def failed(self, now: float, *, reached: bool = True) -> None:
        """A real request met what others will meet, too: no server, an error of it, a refused key."""
        self._answered, self._requests_fail = False, reached
        self._is_down(now, reached=reached)

    def doubted(self, now: float) -> None:
        """A real request came to nothing for a reason that may be its own, such as a time-out."""
        self._answered = False
        self._doubts += 1
        if self._doubts >= _MOST_DOUBTS:
            self.failed(now)
        else:
            self._list_at = min(self._list_at, now + _FIRST_PAUSE_S)

    # --- the list of models ---------------------------------------------------------------------------------------

    def listed(self, now: float) -> None:
        """The server has listed its models."""
        self._is_up(now, now + LIST_EVERY_S)

    def does_not_list(self, now: float) -> None:
        """It is there, and does not list them."""
        self._is_up(now, now + LIST_RARELY_S)

    def list_refused(self, now: float) -> None:
        """It refused the list. It is down, unless its last real request was answered."""
        if self._answered:
            self._is_up(now, now + LIST_RARELY_S)
        else:
            self._is_down(now)

    # --- bare connections -----------------------------------------------------------------------------------------

    def connected(self, now: float, *, near: bool) -> None:
        """It takes connections. `near`: it is on this machine or in a private network."""
        self._near = near
        self._connect_at = now + self._connect_every

    def not_reached(self, now: float) -> None:
        """It takes none, or there is no way to it."""
        self._answered = False
        self._is_down(now, reached=False)

    @property
    def _connect_every(self) -> float:
        return CONNECT_EVERY_S if self._near else CONNECT_FAR_EVERY_S

    def _is_up(self, now: float, list_at: float) -> None:
        self.up = True
        if not self._requests_fail:
            self._failures = 0
        self._list_at, self._connect_at = list_at, now + self._connect_every

    def _is_down(self, now: float, *, reached: bool = True) -> None:
        if self.up:
            self.up, self._down_since = False, now
        self._failures += 1
        longest = _LONGEST_PAUSE_S if reached else _LONGEST_PAUSE_UNREACHED_S
        pause = min(_FIRST_PAUSE_S * 2.0 ** min(self._failures - 1, 8), longest)
        self._list_at, self._connect_at = now + pause, float("inf")
