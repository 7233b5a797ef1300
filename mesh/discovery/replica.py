"""One replica of a service, and what is known of it."""

import asyncio
import random
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field

import grpc

from mesh.rpc.channels import open_channel

_FIRST_DOUBT_S, _LONGEST_DOUBT_S = 1.0, 8.0
"""How long a replica that failed a try comes after the others: doubled from the first to the longest."""

_FULL_FOR_S = 1.0
"""How long a replica that was full comes after the others, at most."""

_NEVER = float("-inf")


@dataclass(eq=False)
class Replica:
    """A replica, and the channel that all calls to it share."""

    address: str
    listed_at: float = _NEVER
    """When it was last listed under the service's name."""
    channel: grpc.aio.Channel = field(init=False)
    serving: bool | None = None
    """What its health watch says; None: nothing yet."""
    calls: int = 0
    """Tries and calls of this process that are under way."""
    watching: asyncio.Task[None] | None = None
    """Its health watch."""
    _failures: int = 0
    _doubted_until: float = _NEVER
    _full_until: float = _NEVER

    def __post_init__(self) -> None:
        self.channel = open_channel(self.address)

    @contextmanager
    def in_use(self) -> Iterator[None]:
        """Count a call while it lasts."""
        self.calls += 1
        try:
            yield
        finally:
            self.calls -= 1

    def told(self, *, serving: bool) -> None:
        """Note what its health watch says. One that has come back begins afresh."""
        if serving and self.serving is False:
            self.admitted()
        self.serving = serving

    def admitted(self) -> None:
        """Note that it has taken a call."""
        self._failures, self._doubted_until, self._full_until = 0, _NEVER, _NEVER

    def refused(self, retry_after: float) -> None:
        """Note that it is full, and how many seconds it expects to be."""
        self._failures, self._doubted_until = 0, _NEVER
        self._full_until = _now() + min(retry_after, _FULL_FOR_S)

    def failed(self) -> None:
        """Note that a try has failed: others go first for a growing while."""
        self._doubted_until = _now() + min(_FIRST_DOUBT_S * 2**self._failures, _LONGEST_DOUBT_S)
        self._failures = min(self._failures + 1, 8)  # a power that stays a number

    def preference(self) -> tuple[bool, bool, bool, int, float]:
        """The smallest is tried first: it serves, is not in doubt, was not full just now, and has the fewest calls.

        Otherwise chance decides, so that many processes do not all choose the same.
        """
        now = _now()
        doubted, full = now < self._doubted_until, now < self._full_until
        return not self.serving, doubted, full, self.calls, random.random()  # noqa: S311 - any chance will do

    async def close(self) -> None:
        """End the watch and all calls."""
        if self.watching:
            self.watching.cancel()
        await self.channel.close()


def _now() -> float:
    return asyncio.get_running_loop().time()
