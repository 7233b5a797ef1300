"""Tasks that belong to a block of code."""

import asyncio
from collections.abc import AsyncIterator, Coroutine
from contextlib import asynccontextmanager
from typing import Any, TypeVar

T = TypeVar("T")


class _BlockEnded(Exception):
    """Raised in a task group to cancel its tasks, which has no other way to do so. It is no error."""


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
    """Run `work` to its end even if the caller is cancelled meanwhile; the cancellation is raised afterwards.

    Use it for short work that must not stop half-way.
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
        # The result is not needed. Reading the exception keeps asyncio from logging it as never retrieved.
        doing.exception()
    try:
        raise cancelled
    finally:
        del cancelled


async def first_of(*events: asyncio.Event, within: float) -> None:
    """Wait for any of the events, at most `within` seconds."""
    waiters = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waiters, timeout=within, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for waiter in waiters:
            waiter.cancel()


def was_cancelled() -> bool:
    """Whether the cancellation of the current task was requested, so that a `CancelledError` is meant for it."""
    return _cancellations() > 0


def _cancellations() -> int:
    """How many requests to cancel the current task are pending."""
    task = asyncio.current_task()
    return task.cancelling() if task else 0


def _failure_of(failures: BaseExceptionGroup[BaseException], *, cancelled: bool) -> BaseException | None:
    """The exception that the block must raise for `failures`; None if the block ended without one."""
    if cancelled:
        # The cancellation came while the group waited for the tasks that it had cancelled. The group does not raise it,
        # and before Python 3.13 it is lost.
        return asyncio.CancelledError()
    _, real = failures.split(_BlockEnded)
    return _first(real) if real else None


def _first(failures: BaseExceptionGroup[BaseException]) -> BaseException:
    first = failures.exceptions[0]
    return _first(first) if isinstance(first, BaseExceptionGroup) else first
