"""Reads messages of a gRPC call so that a task that waits for a message can be cancelled."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Awaitable, Callable
from typing import Generic, TypeVar

from mesh.tasks import was_cancelled

T = TypeVar("T")


class Reader(Generic[T]):
    """Reads in a task of its own, each message when it is asked for.

    `read` gives the next message, None at the end. gRPC never frees what arrives for a read whose task was cancelled
    (grpc/grpc#43360: the message, about 4 KiB of a reply), nor what has arrived and is never read. So no task but this
    one waits in a read; this one is never cancelled, and reads until the call has ended.
    """

    def __init__(self, read: Callable[[], Awaitable[T | None]]) -> None:
        self._read = read
        self._messages: deque[T] = deque()
        """At most one message: the user has not taken it yet, or was cancelled while it waited."""
        self._wanted: list[asyncio.Future[None]] = []
        """What users wait for while there is no message: one, and another that wants to know how the call ended."""
        self._asked: list[asyncio.Future[None]] = []
        """What the task waits for while no message is asked for."""
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
            _wake(self._asked)
            await _wait(self._wanted)
        return self._messages.popleft()

    def close(self) -> "asyncio.Task[None] | None":
        """Give nothing more. Returns the task, which drops what still comes until the caller has ended the call.

        None: there is none, or it has ended.
        """
        self._closed = True
        self._messages.clear()
        _wake(self._asked)
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
                await _wait(self._asked)
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


async def _wait(waiting: list[asyncio.Future[None]]) -> None:
    future = asyncio.get_running_loop().create_future()
    waiting.append(future)
    await future


def _wake(waiting: list[asyncio.Future[None]]) -> None:
    for future in waiting:
        if not future.done():
            future.set_result(None)
    waiting.clear()


async def iterated(reader: Reader[T]) -> AsyncIterator[T]:
    """The messages, one after the other."""
    while (message := await reader.next()) is not None:
        yield message
