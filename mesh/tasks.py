"""Tasks that belong to a block of code."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any


@asynccontextmanager
async def beside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.TaskGroup]:
    """Run `work` while the block runs, and cancel what is left of it when the block ends.

    If one of them fails, the block is cancelled and the failure raised, as itself rather than in an `ExceptionGroup`:
    the first, where several fail together. The block may start more tasks in the group it is given.
    """
    started: list[asyncio.Task[Any]] = []

    class Owned(asyncio.TaskGroup):
        def create_task(self, *args: Any, **kwargs: Any) -> asyncio.Task[Any]:
            task = super().create_task(*args, **kwargs)
            started.append(task)
            task.add_done_callback(started.remove)
            return task

    try:
        async with Owned() as tasks:
            for each in work:
                tasks.create_task(each)
            yield tasks
            for task in started:
                task.cancel()
    except BaseExceptionGroup as failures:
        raise _first(failures) from None


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
