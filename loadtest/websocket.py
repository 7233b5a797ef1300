"""A WebSocket client without tasks, locks and queues: messages go out and come in within one call.

A load test holds hundreds of connections in one process. The protocol is `websockets`' own, without its connection.
"""

import asyncio
import ssl
from typing import Protocol, cast

from websockets.client import ClientProtocol
from websockets.exceptions import InvalidHandshake, InvalidStatus
from websockets.frames import Frame, Opcode
from websockets.http11 import Response
from websockets.protocol import State
from websockets.typing import Subprotocol
from websockets.uri import parse_uri

from loadtest.sessions import Refused

CONNECT_LIMIT_S = 30.0
"""How long a connection may take, the handshake included."""

_UNREAD_LIMIT_BYTES = 256 << 10
"""What may wait to be sent: more than half a minute of a microphone. The peer has stopped reading."""

_MAX_MESSAGE_BYTES = 8 << 20

NO_CLOSE_FRAME = 1006


class Receiver(Protocol):
    """Who is told what comes."""

    def on_message(self, message: bytes) -> None:
        """A text message."""

    def on_closed(self, code: int, reason: str) -> None:
        """The connection is gone; `NO_CLOSE_FRAME`: without a close frame."""


class WebSocket(asyncio.Protocol):
    """One connection. `connect` opens it."""

    def __init__(self, protocol: ClientProtocol, receiver: Receiver) -> None:
        self._protocol = protocol
        self._receiver = receiver
        self._transport: asyncio.Transport | None = None
        self.opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._part = b""
        self._gone = asyncio.Event()

    @classmethod
    async def connect(cls, url: str, receiver: Receiver, *, subprotocol: str | None = None) -> "WebSocket":
        """Open a connection whose messages go to `receiver`. Raises `Refused`."""
        uri = parse_uri(url)
        protocols = [Subprotocol(subprotocol)] if subprotocol else None
        loop = asyncio.get_running_loop()
        context = ssl.create_default_context() if uri.secure else None
        socket: WebSocket | None = None
        try:
            async with asyncio.timeout(CONNECT_LIMIT_S):
                _, socket = await loop.create_connection(
                    lambda: cls(ClientProtocol(uri, subprotocols=protocols, max_size=_MAX_MESSAGE_BYTES), receiver),
                    uri.host,
                    uri.port,
                    ssl=context,
                )
                await socket.opened
        except TimeoutError:
            if socket is not None:
                socket.abort()
            raise Refused("TIMEOUT", "no answer to the handshake") from None
        except OSError as error:
            raise Refused("CANNOT_CONNECT", str(error)) from None
        except InvalidStatus as error:
            headers = error.response.headers
            raise Refused(
                f"HTTP_{error.response.status_code}",
                bytes(error.response.body or b"").decode(errors="replace"),
                retry_after_s=_seconds(headers.get("retry-after")),
                before_upgrade=True,
            ) from None
        except InvalidHandshake as error:
            raise Refused("BAD_HANDSHAKE", str(error)) from None
        return socket

    def send(self, message: bytes | str) -> None:
        """Send a text message. Nothing, once the connection is closing. Aborts it if the peer does not read."""
        if self._protocol.state is not State.OPEN or self._transport is None:
            return
        self._protocol.send_text(message.encode() if isinstance(message, str) else message)
        self._flush()
        if self._transport.get_write_buffer_size() > _UNREAD_LIMIT_BYTES:
            self.abort()

    async def close(self, within_s: float = 2.0) -> None:
        """Close in good order, if the peer answers in time."""
        if self._protocol.state is State.OPEN:
            self._protocol.send_close(1000)
            self._flush()
        try:
            async with asyncio.timeout(within_s):
                await self._gone.wait()
        except TimeoutError:
            self.abort()

    def abort(self) -> None:
        """Drop the connection, as a network does that is gone."""
        if self._transport is not None:
            self._transport.abort()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Send the handshake."""
        # What a stream's protocol is given, though uvloop's does not inherit from it.
        self._transport = cast(asyncio.Transport, transport)
        self._protocol.send_request(self._protocol.connect())
        self._flush()

    def data_received(self, data: bytes) -> None:
        """Take what has come."""
        self._protocol.receive_data(data)
        self._take_events()
        self._flush()

    def eof_received(self) -> None:
        """Nothing more will come."""
        self._protocol.receive_eof()
        self._take_events()
        self._flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """Tell who is concerned."""
        if self._protocol.state is not State.CLOSED:
            self._protocol.receive_eof()
            self._take_events()
        self._gone.set()
        if not self.opened.done():
            self.opened.set_exception(exc or OSError("the connection was closed before the handshake"))
        elif not self.opened.cancelled() and not self.opened.exception():
            closed = self._protocol.close_rcvd
            self._receiver.on_closed(closed.code if closed else NO_CLOSE_FRAME, closed.reason if closed else "")

    def _take_events(self) -> None:
        for event in self._protocol.events_received():
            if isinstance(event, Response):
                self._take_response()
            elif isinstance(event, Frame) and event.opcode in {Opcode.TEXT, Opcode.CONT}:
                self._part += bytes(event.data)
                if event.fin:
                    message, self._part = self._part, b""
                    self._receiver.on_message(message)

    def _take_response(self) -> None:
        if self.opened.done():
            return
        if self._protocol.handshake_exc is not None:
            self.opened.set_exception(self._protocol.handshake_exc)
        else:
            self.opened.set_result(None)

    def _flush(self) -> None:
        assert self._transport is not None  # noqa: S101 - data comes and goes over a transport
        for data in self._protocol.data_to_send():
            if data:
                self._transport.write(data)
            elif self._transport.can_write_eof():
                self._transport.write_eof()
        if self._protocol.close_expected() and self._protocol.state is State.CLOSED:
            self._transport.close()


def _seconds(text: str | None) -> float | None:
    return float(text) if text and text.isdigit() else None
