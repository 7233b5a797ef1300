"""The beat of an engine's model: one step at a time, and every slot that has work takes part in it."""

import asyncio
from typing import Protocol


class Part(Protocol):
    """What a slot has the model do."""

    def can_step(self) -> bool:
        """Whether there is work."""

    def step(self, step_idx: int) -> bool:
        """Take part in a step and say whether it counts; one that only reads messages does not."""


class Model:
    """Steps while there is work and sleeps otherwise, so that a crowd costs one timer."""

    def __init__(self) -> None:
        self.steps = 0
        """Those that counted, of all slots together, since the start."""
        self.step_s = 0.0
        """How long a step takes."""
        self._parts: set[Part] = set()
        self._work = asyncio.Event()

    def add(self, part: Part) -> None:
        """Have `part` take part in steps."""
        self._parts.add(part)
        self.wake()

    def remove(self, part: Part) -> None:
        """Leave `part` out from here on."""
        self._parts.discard(part)

    def wake(self) -> None:
        """Look for work: there may be some."""
        self._work.set()

    async def run(self) -> None:
        """Step, for ever."""
        loop = asyncio.get_running_loop()
        while True:
            await self._work.wait()
            self._work.clear()
            done_at = loop.time()
            while working := [part for part in self._parts if part.can_step()]:
                done_at = max(done_at, loop.time() - self.step_s) + self.step_s
                await asyncio.sleep(done_at - loop.time())
                # A part may have been removed meanwhile, or by another's step.
                counted = [part.step(self.steps + 1) for part in working if part in self._parts]
                self.steps += any(counted)
