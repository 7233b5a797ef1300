"""State that somebody waits on, instead of sleeping."""

import asyncio
from collections.abc import Callable


class Watched:
    """Whoever changes it calls `changed`; whoever needs a change awaits `until`."""

    def __init__(self) -> None:
        self._changes: set[asyncio.Event] = set()

    def changed(self) -> None:
        """Have everybody who waits look again."""
        for change in self._changes:
            change.set()

    async def until(self, condition: Callable[[], bool], within: float = 5.0) -> None:
        """Wait until `condition` holds; `TimeoutError` after `within` seconds."""
        change = asyncio.Event()
        self._changes.add(change)
        try:
            async with asyncio.timeout(within):
                while not condition():
                    change.clear()
                    await change.wait()
        finally:
            self._changes.discard(change)
