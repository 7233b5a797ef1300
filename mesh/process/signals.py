"""SIGTERM and SIGINT as events."""

import asyncio
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from typing import NamedTuple


class StopRequests(NamedTuple):
    """What the process has been asked so far."""

    stop: asyncio.Event
    """Set by the first signal: end when the work is done."""
    at_once: asyncio.Event
    """Set by the second: end now."""


@contextmanager
def stop_requests() -> Iterator[StopRequests]:
    """Listen to both signals meanwhile. Only in the main thread."""
    requests = StopRequests(asyncio.Event(), asyncio.Event())

    def note() -> None:
        (requests.at_once if requests.stop.is_set() else requests.stop).set()

    loop = asyncio.get_running_loop()
    signals = (signal.SIGTERM, signal.SIGINT)
    for number in signals:
        loop.add_signal_handler(number, note)
    try:
        yield requests
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
