"""A conversation over a WebSocket, whatever it speaks: how it is admitted, how it ends."""

import asyncio
import binascii
from abc import ABC, abstractmethod
from collections.abc import Sequence
from typing import Self

import msgspec

from loadtest.conversation import ConversationLog
from loadtest.sessions import Lost, Refused
from loadtest.websocket import WebSocket

_ADMISSION_LIMIT_S = 30.0


class ConversationSocket(ABC):
    """One connection to the edge; `open` makes it. A dialect says how frames are sent and what messages mean."""

    socket: WebSocket

    def __init__(self, log: ConversationLog) -> None:
        self.log = log
        self.loop = asyncio.get_running_loop()
        self._admitted: asyncio.Future[None] = self.loop.create_future()
        self._lost: asyncio.Future[str] = self.loop.create_future()
        self._fatal: Refused | None = None

    async def open(self, url: str, first: Sequence[bytes]) -> Self:
        """Connect, send the `first` messages, and wait for the admission. Raises `Refused`."""
        self.socket = await WebSocket.connect(url, self, subprotocol="realtime")
        try:
            for message in first:
                self.socket.send(message)
            async with asyncio.timeout(_ADMISSION_LIMIT_S):
                await self._admitted
        except TimeoutError:
            self.socket.abort()
            raise Refused("TIMEOUT", "the session was not confirmed") from None
        except asyncio.CancelledError:
            self.socket.abort()
            raise
        return self

    @abstractmethod
    def send_frame(self, frame: bytes) -> None:
        """Send the next frame of the microphone."""

    @abstractmethod
    def take(self, message: bytes, now: float) -> None:
        """Note what a message means. Raises `ValueError` for one that cannot be read."""

    async def until_lost(self) -> None:
        """Wait until the edge closes the connection. Raises `Lost`."""
        raise Lost(await asyncio.shield(self._lost))

    async def close(self) -> None:
        """Close the WebSocket in good order."""
        await self.socket.close()

    def abort(self) -> None:
        """Drop the connection."""
        self.socket.abort()

    def admitted(self) -> None:
        """The session is admitted."""
        if not self._admitted.done():
            self._admitted.set_result(None)

    def failed(self, reason: str, message: str, retry_after_s: float | None) -> None:
        """The edge has said why it is going to close the connection."""
        self._fatal = Refused(reason, message, retry_after_s=retry_after_s)

    def on_message(self, message: bytes) -> None:
        """Note a message. One that cannot be read ends the session."""
        try:
            self.take(message, self.loop.time())
        except (msgspec.MsgspecError, binascii.Error, ValueError):
            self._end("UNREADABLE")
            self.socket.abort()

    def on_closed(self, code: int, reason: str) -> None:
        """The connection is gone."""
        del reason
        self._end(f"CLOSED_{code}")

    def _end(self, why: str) -> None:
        fatal = self._fatal
        if not self._admitted.done():
            self._admitted.set_exception(fatal or Refused(why, "closed before the session was confirmed"))
        if not self._lost.done():
            self._lost.set_result(fatal.reason if fatal else why)
            self.log.lost()
