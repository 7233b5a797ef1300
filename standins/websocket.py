"""A WebSocket connection, as seen by the server and down to its bytes.

A stand-in has to end connections in ways that WebSocket servers do not offer: without a status code, without a close
frame, by a reset; and it pings by a clock of its own. So this drives `websockets`' protocol, which does no I/O, itself.
Uvicorn serves the HTTP around it and hands over what asks for an upgrade (its `ws` option).
"""

import asyncio
from collections.abc import Callable, Mapping
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol, cast
from urllib.parse import parse_qsl, urlsplit

from websockets.exceptions import InvalidState
from websockets.frames import Frame, Opcode
from websockets.http11 import Request
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

from standins.tcp import reset

_MAX_MESSAGE_BYTES = 64 << 20
_MAX_FRAME_BYTES = 16 << 20
# Tungstenite's limits.

_CLOSE_LIMIT_S = 5.0
"""How long a client may take to answer a close frame before it is cut off."""

_UNREAD_LIMIT_BYTES = 8 << 20
"""How much a client may leave unread; one that reads nothing at all is cut off then."""


class Handshake(NamedTuple):
    """A client's wish to connect. Header names are lower-case; of repeated ones the last counts."""

    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    target: str
    """Path and query as they came."""


class Times(NamedTuple):
    """Limits of one connection, in seconds."""

    ping: float
    """Of nothing sent, after which a ping is."""
    silence: float
    """Of nothing received, not even a pong, after which the connection is dropped."""
    binary: float
    """Of no binary message, after which the next frame of another kind has the connection dropped."""


class Session(Protocol):
    """What a connection is for. Its methods must not raise."""

    times: Times

    def opened(self) -> None:
        """The client may be sent messages from here on."""

    def received(self, message: bytes | str) -> None:
        """The client has sent a message."""

    def closed(self) -> None:
        """The connection is over or about to be. Called once."""


class Refusal(NamedTuple):
    """An answer of plain HTTP instead of the upgrade."""

    status: int
    text: str = ""


Endpoint = Callable[[Handshake, "WebSocket"], Session | Refusal]
"""Decides about a handshake."""


class WebSocket(asyncio.Protocol):
    """One connection. Nothing of it waits: what cannot be sent yet is held by the transport, up to a limit."""

    def __init__(self, endpoint: Endpoint, connections: set[Any]) -> None:
        """`connections` holds it while it lasts."""
        self._endpoint = endpoint
        self._connections = connections
        self._wire = ServerProtocol(max_size=(_MAX_MESSAGE_BYTES, _MAX_FRAME_BYTES))
        self._loop = asyncio.get_running_loop()
        self._session: Session | None = None
        self._parts: list[bytes] = []
        self._text = False
        self._timer: asyncio.TimerHandle | None = None
        self._reading = True
        self._sent_at = self._received_at = self._binary_at = self._loop.time()

    # What a session does with it.

    @property
    def open(self) -> bool:
        """Whether messages can be sent."""
        return self._wire.state is OPEN and not self.transport.is_closing()

    @property
    def writable(self) -> bool:
        """Whether the client takes what it is sent."""
        return not self.transport.get_write_buffer_size()

    def send(self, message: bytes | str) -> None:
        """Send a message, binary or text; nothing happens once the connection is over."""
        if not self.open:
            return
        if isinstance(message, str):
            self._wire.send_text(message.encode())
        else:
            self._wire.send_binary(message)
        self._flush()
        if self.transport.get_write_buffer_size() > _UNREAD_LIMIT_BYTES:
            self.reset()

    def close(self, code: int | None = None) -> None:
        """Close with a status code or, as moshi-server does, without one."""
        if not self.open:
            return
        self._wire.send_close(code)
        self._flush()
        self._end(cut_off_after=_CLOSE_LIMIT_S)

    def hang_up(self) -> None:
        """End the connection without a close frame."""
        self.transport.close()
        self._end()

    def reset(self) -> None:
        """End the connection by a TCP reset, unless it is ending already."""
        if not self.transport.is_closing():
            reset(self.transport)
        self._end()

    def stop_reading(self) -> None:
        """Leave whatever the client sends from here on where it is."""
        self._reading = False
        self.transport.pause_reading()

    # What the event loop does with it.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Take over a connection."""
        # Uvloop's are not derived from asyncio's.
        self.transport = cast("asyncio.Transport", transport)
        self._connections.add(self)

    def connection_lost(self, _exc: Exception | None) -> None:
        """Free what the connection held."""
        self._wire.receive_eof()
        self._end()
        if self._timer:
            self._timer.cancel()
        self._connections.discard(self)

    def data_received(self, data: bytes) -> None:
        """Take bytes from the client: at first its handshake."""
        self._received_at = self._loop.time()
        self._wire.receive_data(data)
        for event in self._wire.events_received():
            if isinstance(event, Request):
                self._shake_hands(event)
            elif isinstance(event, Frame):
                self._take(event)
        self._flush()
        if self._session and self._wire.state is not OPEN:
            self._end(cut_off_after=_CLOSE_LIMIT_S)

    def eof_received(self) -> None:
        """Take the end of what the client sends; the transport closes."""
        self._wire.receive_eof()
        self._flush()

    def shutdown(self) -> None:
        """Go away: the server ends."""
        self.close(1001)

    # What it does with itself.

    def _shake_hands(self, request: Request) -> None:
        target = urlsplit(request.path)
        headers = {name.lower(): value for name, value in request.headers.raw_items()}
        answer = self._endpoint(Handshake(target.path, dict(parse_qsl(target.query)), headers, request.path), self)
        if isinstance(answer, Refusal):
            self._wire.send_response(self._wire.reject(HTTPStatus(answer.status), answer.text))
            self._flush()
            return
        self._wire.send_response(self._wire.accept(request))
        self._flush()
        self._session = answer
        if self._wire.state is not OPEN:
            self._end(cut_off_after=_CLOSE_LIMIT_S)
            return
        self._sent_at = self._received_at = self._binary_at = self._loop.time()
        self._watch()
        answer.opened()

    def _take(self, frame: Frame) -> None:
        if frame.opcode is Opcode.BINARY:
            self._binary_at = self._loop.time()
        elif self._session and self._loop.time() - self._binary_at > self._session.times.binary:
            self.hang_up()
            return
        if frame.opcode not in {Opcode.TEXT, Opcode.BINARY, Opcode.CONT}:
            return
        if frame.opcode is not Opcode.CONT:
            self._text = frame.opcode is Opcode.TEXT
        self._parts.append(bytes(frame.data))
        if not frame.fin:
            return
        whole = b"".join(self._parts)
        self._parts.clear()
        if self._session and self._reading:
            self._session.received(whole.decode(errors="replace") if self._text else whole)

    def _flush(self) -> None:
        for data in self._wire.data_to_send():
            if self.transport.is_closing():
                return
            if data:
                self.transport.write(data)
                self._sent_at = self._loop.time()
            elif self.transport.can_write_eof():
                # The client closes; cut off what does not, above all somebody who was refused and stays.
                self.transport.write_eof()
                self._cut_off_after(_CLOSE_LIMIT_S)

    def _watch(self) -> None:
        """Ping, drop, and come back when either may be due next."""
        if not self._session or not self.open:
            return
        now, times = self._loop.time(), self._session.times
        if now - self._received_at >= times.silence:
            self.hang_up()
            return
        if now - self._sent_at >= times.ping:
            try:
                self._wire.send_ping(b"")
            except InvalidState:
                return
            self._flush()
        due = min(self._received_at + times.silence, self._sent_at + times.ping)
        self._timer = self._loop.call_at(due, self._watch)

    def _end(self, *, cut_off_after: float | None = None) -> None:
        """Tell the session, once."""
        if session := self._session:
            self._session = None
            session.closed()
        if cut_off_after is not None:
            self._cut_off_after(cut_off_after)

    def _cut_off_after(self, seconds: float) -> None:
        if self._timer:
            self._timer.cancel()
        self._timer = self._loop.call_later(seconds, self.transport.abort)
