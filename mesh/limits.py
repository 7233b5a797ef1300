"""A time limit for many short waits, one after the other."""

import asyncio
from types import TracebackType
from typing import Self


class RepeatedLimit:
    """Limits each block that it is the context of to `limit_s` seconds, like `asyncio.timeout`, but far cheaper.

        limit = RepeatedLimit(5.0)
        while ...:
            with limit:
                await connection.send(message)

    The block's task is cancelled when the time is over, and the block raises `TimeoutError`. One timer serves all
    blocks: it is set when none runs, and looks at its end whether the present block is late or how long it may still
    take. So a block that ends in time costs no timer. One block at a time; `close` it, or its timer stays to its end.
    """

    def __init__(self, limit_s: float) -> None:
        self.limit_s = limit_s
        self._loop: asyncio.AbstractEventLoop | None = None
        self._timer: asyncio.TimerHandle | None = None
        self._task: asyncio.Task[object] | None = None
        """Whose block runs; None: none does."""
        self._since = 0.0
        self._cancellations = 0
        self._is_late = False

    def __enter__(self) -> Self:
        loop = self._loop
        if loop is None:
            loop = self._loop = asyncio.get_running_loop()
        task = asyncio.current_task(loop)
        if task is None or self._task is not None:
            raise RuntimeError("a RepeatedLimit limits one block at a time, of a task")
        self._task, self._since, self._cancellations = task, loop.time(), task.cancelling()
        if self._timer is None:
            self._timer = loop.call_later(self.limit_s, self._look)
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, _: TracebackType | None) -> None:
        task, self._task = self._task, None
        if not self._is_late:
            return
        self._is_late = False
        # Another cancellation may have come meanwhile; then the block was not ended by this limit alone.
        if task and task.uncancel() <= self._cancellations and kind and issubclass(kind, asyncio.CancelledError):
            raise TimeoutError from error

    def close(self) -> None:
        """Stop the timer. The next block sets it again."""
        if self._timer:
            self._timer.cancel()
            self._timer = None

    def _look(self) -> None:
        """Cancel the block that has taken too long, or look again when it would have."""
        self._timer = None
        if self._task is None or self._loop is None:
            return
        left = self._since + self.limit_s - self._loop.time()
        if left > 0:
            self._timer = self._loop.call_later(left, self._look)
        else:
            self._is_late = True
            self._task.cancel()
