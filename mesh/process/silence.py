"""How long a peer has been silent although something is due from it.

Time is counted in ticks of a timer, not read from the clock: a process that was late itself counts a tick once, however
long it took, so its own lag is not taken for the peer's silence.
"""

import asyncio
from collections.abc import Awaitable, Callable

from mesh.times import loop_time

TICK_S = 0.25
"""The time between two ticks. All streams of a process have the same ticks, and wake it once for all."""

ASKED_AFTER_S, ANSWERED_WITHIN_S = 0.5, 0.6
"""After how long a silence a peer is asked whether it is there, and how long it may take to answer. gRPC's pings notice
one that is not, too, but not before 1.75 s, and somebody is waiting."""


class PeerSilence:
    """The seconds for which something has been `owed` and nothing came; see `until`."""

    def __init__(self, owed: Callable[[], bool]) -> None:
        self.seconds = 0.0
        self.longest = 0.0
        """The longest silence that the peer has broken."""
        self._owed = owed

    def broken(self) -> None:
        """The peer has sent something."""
        self.longest = max(self.longest, self.seconds)
        self.seconds = 0.0

    async def until(self, limit_s: Callable[[], float]) -> None:
        """Return when the peer has been silent for that long. One task waits."""
        while True:
            await asyncio.sleep(_until_tick(loop_time()))
            if not self._owed():
                self.seconds = 0.0
                continue
            self.seconds += TICK_S
            if self.seconds >= limit_s():
                return

    async def until_hung(self, is_there: Callable[[float], Awaitable[bool]], patience: Callable[[], float]) -> None:
        """Return when the peer, silent for `ASKED_AFTER_S`, is not there either, and has sent nothing meanwhile.

        `is_there` is given the seconds within which it must know. Both limits are multiplied by `patience`: more than 1
        where peers were lost lately, since where all are slow, another one would bring nothing.
        """
        while True:
            await self.until(lambda: ASKED_AFTER_S * patience())
            if not await is_there(ANSWERED_WITHIN_S * patience()) and self.seconds:
                return
            self.broken()


def _until_tick(now: float) -> float:
    """The seconds until the next tick. One that is very near is left out: the timer before it may have been early."""
    left = TICK_S - now % TICK_S
    return left if left >= TICK_S / 2 else left + TICK_S
