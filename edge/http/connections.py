"""Connections as uvicorn serves them, with the bounds that it lacks: on a request's head, and on what cannot be one.

A head is a request's first line and its headers. Without a bound on its size a client can fill the memory with one,
and without a bound on its time hold a connection for ever by sending none, or sending it slowly.
"""

import asyncio
from http import HTTPStatus
from typing import Any

import msgspec
from uvicorn._types import ASGISendEvent
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol
from uvicorn.protocols.websockets.websockets_sansio_impl import WebSocketsSansIOProtocol

HEAD_LIMIT_S = 20.0
"""How long a client may take to send a head; and to begin to, so that a browser may connect ahead of its need."""

HEAD_LIMIT_BYTES = 64 << 10
"""How long a head may be. One that arrives in a single piece may be longer by that piece."""


ABORT = "parley.abort"
"""The key of a WebSocket's scope for the function that ends its connection at once, whatever is still to be sent."""


class HttpConnection(HttpToolsProtocol):
    """A connection that is closed unless heads come in time, and have an end."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_begun = False
        self._head_bytes = 0
        self._head_due: asyncio.TimerHandle | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]  # as uvicorn has it
        """Wait for the first head."""
        super().connection_made(transport)
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """Stop the timer for the head."""
        self._forget_head()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take what has come; a head that is too long by now is refused."""
        super().data_received(data)
        if self.transport.is_closing() or self.transport.get_protocol() is not self:
            return
        if self._head_due is None and self._is_idle:
            # Some bytes between two requests, or the rest of one that has been answered.
            self._await_head()
        if self._head_begun:
            self._head_bytes += len(data)
            if self._head_bytes > HEAD_LIMIT_BYTES:
                self._refuse(HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE, f"a head may have {HEAD_LIMIT_BYTES} bytes")

    def on_message_begin(self) -> None:
        """Wait for the head of which this is the first byte."""
        super().on_message_begin()
        self._head_begun = True
        self._await_head()

    def on_headers_complete(self) -> None:
        """The head is there."""
        self._forget_head()
        super().on_headers_complete()

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over; this object and its parser hold each other, which would outlive the connection."""
        super().handle_websocket_upgrade()
        self.parser = None  # type: ignore[assignment]  # as uvicorn does when a connection is lost

    @property
    def _is_idle(self) -> bool:
        return self.cycle is None or self.cycle.response_complete

    def _await_head(self) -> None:
        """Close the connection in `HEAD_LIMIT_S`, unless the head is there, or it is awaited already."""
        if self._head_due is None:
            self._head_due = self.loop.call_later(HEAD_LIMIT_S, self._head_is_late)

    def _forget_head(self) -> None:
        self._head_begun, self._head_bytes = False, 0
        if self._head_due:
            self._head_due.cancel()
            self._head_due = None

    def _head_is_late(self) -> None:
        if self._head_begun and self._is_idle:
            self._refuse(HTTPStatus.REQUEST_TIMEOUT, "the request came too slowly")
        else:
            self.transport.close()

    def _refuse(self, status: HTTPStatus, message: str) -> None:
        """Answer what is no request, and close."""
        self._forget_head()
        self.transport.write(_answer(status, message))
        self.transport.close()


class WebSocketConnection(WebSocketsSansIOProtocol):
    """A connection that is closed when its handshake cannot be read."""

    def data_received(self, data: bytes) -> None:
        """Take what has come; uvicorn leaves a client that sends no proper handshake waiting for an answer."""
        super().data_received(data)
        if self.conn.handshake_exc and not self.handshake_initiated and not self.transport.is_closing():
            said = b"".join(self.conn.data_to_send())
            self.transport.write(said or _answer(HTTPStatus.BAD_REQUEST, "the handshake is no HTTP request"))
            self.transport.close()

    async def run_asgi(self) -> None:
        """Run the application, which may abort the connection."""
        self.scope[ABORT] = self.transport.abort  # type: ignore[literal-required]  # a key of our own
        await super().run_asgi()

    async def send(self, message: ASGISendEvent) -> None:
        """Send; a handshake that is answered by a refusal is complete, too, which uvicorn would log as an error."""
        await super().send(message)
        if message["type"] == "websocket.http.response.body" and not message.get("more_body", False):
            self.handshake_complete = True


def _answer(status: HTTPStatus, message: str) -> bytes:
    """A whole HTTP answer, in the form of all others, after which the connection is closed."""
    body = msgspec.json.encode({"detail": message})
    head = (
        f"HTTP/1.1 {status.value} {status.phrase}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n"
    )
    return head.encode() + body
