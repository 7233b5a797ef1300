"""The slots of the mesh's fakes; what a test waits on instead of sleeping is the stand-ins' `Watched`."""

from collections.abc import Iterator
from contextlib import contextmanager

from mesh.errors import AtCapacity
from standins.watched import Watched


class Slots(Watched):
    """The calls that a fake has open, of at most `capacity`."""

    def __init__(self) -> None:
        super().__init__()
        self.open = 0
        self.refused = 0
        self.capacity: int | None = None
        self.retry_after = 2.0

    @contextmanager
    def taken(self) -> Iterator[None]:
        """Hold a slot meanwhile. Raises `AtCapacity` when there is none."""
        if self.capacity is not None and self.open >= self.capacity:
            self.refused += 1
            self.changed()
            raise AtCapacity("every slot is taken", retry_after=self.retry_after)
        self.open += 1
        self.changed()
        try:
            yield
        finally:
            self.open -= 1
            self.changed()

    async def until_open(self, count: int, within: float = 5.0) -> None:
        await self.until(lambda: self.open == count, within)
