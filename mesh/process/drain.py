"""How a server ends: it refuses what is new, waits for what is live, and does not wait for ever."""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from typing import Any

import structlog

from mesh.errors import Draining
from mesh.process.metrics import version
from mesh.process.signals import stop_requests
from mesh.tasks import first_of

log = structlog.get_logger()


class LiveCalls:
    """The calls that are being served. Health checks and reflection are not among them."""

    def __init__(self) -> None:
        self._count = 0
        self.none_left = asyncio.Event()
        self.none_left.set()
        self.draining = asyncio.Event()

    @contextmanager
    def one_more(self) -> Iterator[None]:
        """Count a call while it lasts. Raises `Draining` when no more are taken."""
        if self.draining.is_set():
            raise Draining("this replica is about to stop")
        self._count += 1
        self.none_left.clear()
        try:
            yield
        finally:
            self._count -= 1
            if self._count == 0:
                self.none_left.set()


async def until_drained(
    live: LiveCalls, refuse: Callable[[], Awaitable[None]], *, limit_s: float, **where: Any
) -> None:
    """Wait for SIGTERM or SIGINT, then `refuse` what is new, then wait for the last live call.

    That wait ends after `limit_s` seconds, or with another signal. `where` the server is goes into the log.
    """
    with stop_requests() as requests:
        log.info("serving", **where, version=version())
        await requests.stop.wait()
        log.info("draining", limit_s=limit_s)
        await refuse()
        await first_of(live.none_left, requests.at_once, within=limit_s)
