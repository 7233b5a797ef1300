"""Reads messages of a gRPC call so that a task that waits for a message can be cancelled."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

from mesh.tasks import was_cancelled

T = TypeVar("T")


class _End:
    """Stands in the queue for the end of the messages."""


class Reader(Generic[T]):
    """Reads in a task of its own, each message when its one user asks for it.

    `read` gives the next message, None at the end. gRPC never frees what arrives for a read whose task was cancelled
    (grpc/grpc#43360: the message, about 4 KiB of a reply), nor what has arrived and is never read. So no task but this
    one waits in a read; this one is never cancelled, and reads until the call has ended.
    """

    def __init__(self, read: Callable[[], Awaitable[T | None]]) -> None:
        self._read = read
        self._messages: asyncio.Queue[T | _End] = asyncio.Queue(2)
        """At most one message, which came when its user had been cancelled, and the end."""
        self._asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None
        self._closed = self._ended = False
        self._error: Exception | None = None

    async def next(self) -> T | None:
        """The next message; None at the end, and from then on. Raises once what `read` raised."""
        if self._ended:
            return None
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())
        if self._messages.empty():
            self._asked.set()
        message = await self._messages.get()
        if not isinstance(message, _End):
            return message
        # Somebody else may wait too: a sender whose call has ended asks here how.
        self._messages.put_nowait(message)
        self._ended = True
        if (error := self._error) is not None:
            self._error = None
            try:
                raise error
            finally:
                del error  # the frame would be in a cycle with it
        return None

    def close(self) -> "asyncio.Task[None] | None":
        """Give nothing more. Returns the task, which drops what still comes until the caller has ended the call.

        None: there is none, or it has ended.
        """
        self._closed = True
        self._asked.set()
        return None if self._task is None or self._task.done() else self._task

    async def _run(self) -> None:
        message: T | None
        try:
            while True:
                await self._asked.wait()
                if (message := await self._read()) is None:
                    break
                if not self._closed:
                    self._asked.clear()
                    self._messages.put_nowait(message)
        except asyncio.CancelledError:
            # gRPC raises this too where the call was cancelled, which is how this task is meant to end.
            if was_cancelled():
                raise
        except Exception as error:  # noqa: BLE001 - it is raised where the message was wanted
            if not self._closed:
                self._error = error
        self._messages.put_nowait(_End())


async def iterated(reader: Reader[T]) -> AsyncIterator[T]:
    """The messages, one after the other."""
    while (message := await reader.next()) is not None:
        yield message
