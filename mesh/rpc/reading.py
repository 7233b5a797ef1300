"""Reads messages of a gRPC call so that a task that waits for a message can be cancelled."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

from mesh.tasks import was_cancelled

T = TypeVar("T")


_AHEAD = 1
"""Messages that may wait while the next is read. The user is woken for each, and so need not wake the reader."""


class Reader(Generic[T]):
    """Reads in a task of its own, at most two messages ahead of its one user.

    `read` gives the next message, None at the end. gRPC never frees what arrives for a read whose task was cancelled
    (grpc/grpc#43360: the message, about 4 KiB of a reply), nor what has arrived and is never read. So no task but this
    one waits in a read; this one is never cancelled, and reads until the call has ended.
    """

    def __init__(self, read: Callable[[], Awaitable[T | None]]) -> None:
        self._read = read
        self._messages: deque[T] = deque()
        self._wanted: asyncio.Future[None] | None = None
        """What the user waits for while there is no message."""
        self._room: asyncio.Future[None] | None = None
        """What the task waits for while too many messages are there."""
        self._task: asyncio.Task[None] | None = None
        self._closed = self._ended = False
        self._error: Exception | None = None

    async def next(self) -> T | None:
        """The next message; None at the end, and from then on. Raises once what `read` raised."""
        if self._task is None:
            self._task = asyncio.ensure_future(self._run())
        while not self._messages:
            if self._ended:
                self._raise_error()
                return None
            self._wanted = asyncio.get_running_loop().create_future()
            await self._wanted
        message = self._messages.popleft()
        _wake(self._room)
        return message

    def close(self) -> "asyncio.Task[None] | None":
        """Give nothing more. Returns the task, which drops what still comes until the caller has ended the call.

        None: there is none, or it has ended.
        """
        self._closed = True
        self._messages.clear()
        _wake(self._room)
        return None if self._task is None or self._task.done() else self._task

    def _raise_error(self) -> None:
        if (error := self._error) is not None:
            self._error = None
            try:
                raise error
            finally:
                del error  # the frame would be in a cycle with it

    async def _run(self) -> None:
        try:
            while (message := await self._read()) is not None:
                if self._closed:
                    continue
                self._messages.append(message)
                del message  # or it would be kept until the next one
                _wake(self._wanted)
                if len(self._messages) > _AHEAD:
                    self._room = asyncio.get_running_loop().create_future()
                    await self._room
        except asyncio.CancelledError:
            # gRPC raises this too where the call was cancelled, which is how this task is meant to end.
            if was_cancelled():
                raise
        except Exception as error:  # noqa: BLE001 - it is raised where the message was wanted
            if not self._closed:
                self._error = error
        finally:
            self._ended = True
            _wake(self._wanted)


def _wake(waiting: "asyncio.Future[None] | None") -> None:
    if waiting is not None and not waiting.done():
        waiting.set_result(None)


async def iterated(reader: Reader[T]) -> AsyncIterator[T]:
    """The messages, one after the other."""
    while (message := await reader.next()) is not None:
        yield message
