"""Tasks that belong to a block of code."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class _BlockEnded(Exception):
    """No error: a task group has no other way to be made to cancel its tasks."""


@asynccontextmanager
async def beside(*work: Coroutine[Any, Any, None]) -> AsyncIterator[asyncio.TaskGroup]:
    """Run `work` while the block runs, and cancel what is left of it when the block ends.

    If one of them fails, the block is cancelled and the failure raised, as itself rather than in an `ExceptionGroup`:
    the first, where several fail together. The block may start more tasks in the group it is given.
    """
    cancellations = _cancellations()
    failure: BaseException | None = None
    try:
        async with asyncio.TaskGroup() as tasks:
            for each in work:
                tasks.create_task(each)
            yield tasks
            raise _BlockEnded
    except BaseExceptionGroup as failures:
        # `TaskGroup` leaves the group in a cycle with the frame that raised it, and with all that its tasks held.
        failures.__traceback__ = None
        failure = _failure_of(failures, cancelled=_cancellations() > cancellations)
    if failure:
        try:
            # Raised out here: in there the group would become its context, in a cycle again.
            raise failure
        finally:
            del failure


async def to_the_end(work: Coroutine[Any, Any, T]) -> T:
    """Do `work` to its end, also when the caller is cancelled meanwhile; that is raised afterwards.

    It is for work that must not stop half-way, and that does not take long.
    """
    doing = asyncio.ensure_future(work)
    cancelled: asyncio.CancelledError | None = None
    while not doing.done():
        try:
            await asyncio.wait([doing])
        except asyncio.CancelledError as cancellation:
            cancelled = cancellation
    if cancelled is None:
        return doing.result()
    if not doing.cancelled():
        # What became of it interests nobody any more; asking keeps asyncio from complaining.
        doing.exception()
    try:
        raise cancelled
    finally:
        del cancelled


async def first_of(*events: asyncio.Event, within: float) -> None:
    """Wait for any of the events, at most so many seconds."""
    waiters = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiters, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()


def was_cancelled() -> bool:
    """Whether somebody has asked the present task to end, so that a `CancelledError` is meant for it."""
    return _cancellations() > 0


def _cancellations() -> int:
    """How often the present task has been asked to end."""
    task = asyncio.current_task()
    return task.cancelling() if task else 0


def _failure_of(failures: BaseExceptionGroup[BaseException], *, cancelled: bool) -> BaseException | None:
    """What a block has to raise for these; None if it has just ended."""
    if cancelled:
        # It came while the group waited for the tasks it had cancelled; a group forgets it, before 3.13 for good.
        return asyncio.CancelledError()
    _, real = failures.split(_BlockEnded)
    return _first(real) if real else None


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
