"""Reads messages of a gRPC call so that whoever waits for one may be cancelled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

from mesh.tasks import was_cancelled

T = TypeVar("T")

_AHEAD = 1
"""Messages that wait for the reader, besides the one that the task has in hand."""


class _End:
    """Stands in the queue for the end of the messages."""


class ReadAhead(Generic[T]):
    """Reads in a task of its own, up to two messages ahead of its one reader.

    `read` gives the next message, None at the end. gRPC never frees what arrives for a read whose task was cancelled
    (grpc/grpc#43360: the message, about 4 KiB of a reply). So no task but this one waits in a read, and this one is
    never cancelled: it ends with the call.
    """

    def __init__(self, read: Callable[[], Awaitable[T | None]]) -> None:
        self._read = read
        self._messages: asyncio.Queue[T | _End] = asyncio.Queue(_AHEAD)
        self._task: asyncio.Task[None] | None = None
        self._closed = self._ended = False
        self._error: Exception | None = None

    async def next(self) -> T | None:
        """The next message; None at the end, and from then on. Raises once what `read` raised."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())
        if self._ended:
            return None
        message = await self._messages.get()
        if not isinstance(message, _End):
            return message
        self._ended = True
        if (error := self._error) is not None:
            self._error = None
            try:
                raise error
            finally:
                del error  # the frame would be in a cycle with it
        return None

    def close(self) -> "asyncio.Task[None] | None":
        """Throw away what else comes. The call is to be ended by the caller.

        Returns the task, which ends with the call; None if there is none or it has ended.
        """
        self._closed = True
        while not self._messages.empty():
            self._messages.get_nowait()
        return None if self._task is None or self._task.done() else self._task

    async def _run(self) -> None:
        try:
            while (message := await self._read()) is not None:
                if not self._closed:
                    await self._messages.put(message)
        except asyncio.CancelledError:
            # gRPC raises this too where the call was cancelled, which is how this task is meant to end.
            if was_cancelled():
                raise
        except Exception as error:  # noqa: BLE001 - it is raised where the message was wanted
            if not self._closed:
                self._error = error
        if not self._closed:
            await self._messages.put(_End())


async def iterated(reads: ReadAhead[T]) -> AsyncIterator[T]:
    """The messages, one after the other."""
    while (message := await reads.next()) is not None:
        yield message
