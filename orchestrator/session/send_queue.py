"""The messages that wait to be sent to the client."""

import asyncio
from collections import deque
from typing import Any

import grpc

from mesh.errors import MeshError
from parley.conversation.v1.conversation_pb2 import ConverseResponse

_MAX_WAITING = 4_096
"""Messages. A client that reads finds a handful; one that has stopped reading fills this in minutes."""
_SHORT = 512
"""Messages. What can wait, waits until there are fewer."""


class ClientNotReading(MeshError):
    """The client leaves unread what it is sent. On the wire it has the code and the reason of a client that is idle."""

    default_code = grpc.StatusCode.DEADLINE_EXCEEDED
    default_reason = "IDLE"

    def __init__(self, message: str = "the client does not read what it is sent", **details: Any) -> None:
        super().__init__(message, **details)


class SendQueue:
    """A queue from which a reply can be taken back.

    Putting never waits, so that decisions are performed the moment they are made; what bounds the queue is that a
    client which lets it fill is gone.
    """

    def __init__(self) -> None:
        self._waiting: deque[tuple[ConverseResponse, str | None]] = deque()
        self._changed = asyncio.Event()
        self._closed = False
        self._taken = asyncio.Event()

    def put(self, response: ConverseResponse, reply_id: str | None = None) -> None:
        """Add a message; with a `reply_id` it is part of that reply's audio. Nothing is added after `close`.

        Raises `ClientNotReading` if full.
        """
        if self._closed:
            return
        if len(self._waiting) >= _MAX_WAITING:
            raise ClientNotReading
        self._waiting.append((response, reply_id))
        self._changed.set()

    async def until_short(self) -> None:
        """Wait until few messages are left. What comes faster than a client reads must not be taken for its fault."""
        while len(self._waiting) >= _SHORT:
            self._taken.clear()
            await self._taken.wait()

    def drop(self, reply_id: str) -> None:
        """Take back all audio of a reply that has not been sent."""
        self._taken.set()
        self._waiting = deque(entry for entry in self._waiting if entry[1] != reply_id)

    def close(self) -> None:
        """End the queue: it takes no more, and `get` returns None once all has been sent."""
        self._closed = True
        self._changed.set()

    async def get(self) -> ConverseResponse | None:
        """Wait for the next message; None at the end."""
        while not self._waiting:
            if self._closed:
                return None
            self._changed.clear()
            await self._changed.wait()
        self._taken.set()
        return self._waiting.popleft()[0]
