"""One stream with a moshi-server: a WebSocket that holds one of its slots until it is closed."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from http import HTTPStatus
from ssl import SSLContext
from typing import Generic, NamedTuple, TypeVar

import msgspec
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus, WebSocketException

from mesh.errors import AtCapacity, MeshError, UpstreamDown, UpstreamMisconfigured, VoiceNotFound
from mesh.limits import RepeatedLimit
from mesh.tasks import beside
from moshi_client.messages import Error, Ready, Unknown, unpacked

_FULL = "no free channels"
_MOST_STRAYS = 10
"""Messages before `Ready`: a slot may still hold what was meant for the stream before."""

_LONGEST_MESSAGE = 1 << 20
"""Bytes of a message from the server; a frame of audio takes a hundredth of it."""
_MOST_WAITING = 16
"""Messages that wait to be taken before the server has to wait."""
_PING_EVERY_S = 10.0
"""The server lets go of a client that says nothing for 20 s. Whether it answers is not asked: where its messages are
taken slowly, because a person listens slowly, the answer waits behind them."""
_SEND_LIMIT_S = 5.0
"""How long a server may leave what it is sent unread."""
_CLOSE_LIMIT_S = 0.5
_ABORT_LIMIT_S = 0.05
"""How long a server may take to say goodbye, and one that has not even said it was ready."""
_LONGEST_SAID = 200
"""Characters of a server's error that are logged."""

M = TypeVar("M")


class Closed(UpstreamDown):
    """The server has closed the connection. `orderly`: it said so, rather than just being gone."""

    def __init__(self, *, orderly: bool) -> None:
        super().__init__("the engine has closed the stream" if orderly else "the connection to the engine was lost")
        self.orderly = orderly


class EngineError(UpstreamDown):
    """The server said `Error`, and not because it is full. What it `said` is for the log."""

    def __init__(self, said: str) -> None:
        super().__init__("the engine reported an error")
        self.said = said

    def cause(self) -> str:
        """What it said, shortened."""
        return self.said[:_LONGEST_SAID]


class Call(NamedTuple, Generic[M]):
    """What to open: the same whichever server takes it."""

    target: str
    """Path and query."""
    decoder: "msgspec.msgpack.Decoder[M]"
    key: str
    first: bytes | None = None
    """A message that is sent at once."""


class Connection(Generic[M]):
    """A stream that has a slot. One task receives; any may send."""

    def __init__(self, websocket: ClientConnection, decoder: "msgspec.msgpack.Decoder[M]") -> None:
        self._websocket = websocket
        self._decoder = decoder
        self._sending = asyncio.Lock()
        self._send_limit = RepeatedLimit(_SEND_LIMIT_S)

    async def send(self, message: bytes) -> None:
        """Send a message; waits while the server is not keeping up. Raises `UpstreamDown`."""
        try:
            async with self._sending:
                with self._send_limit:
                    await self._websocket.send(message)
        except TimeoutError:
            raise UpstreamDown(f"the engine has read nothing for {_SEND_LIMIT_S:g} s") from None
        except ConnectionClosed as closed:
            raise _closed(closed) from closed

    async def receive(self) -> M:
        """The next message, but not `Error` nor any that is unknown here. Raises `Closed` or another `UpstreamDown`."""
        while True:
            try:
                message = unpacked(await self._websocket.recv(decode=False), self._decoder)
            except ConnectionClosed as closed:
                raise _closed(closed) from closed
            except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
                raise UpstreamDown("the engine sent what is none of its messages") from error
            if isinstance(message, Error):
                raise _refusal(message)
            if not isinstance(message, Unknown):
                return message

    async def ready(self) -> None:
        """Wait until the server has given this connection a slot. Raises `AtCapacity`, `UpstreamDown`."""
        for _ in range(_MOST_STRAYS + 1):
            if isinstance(await self.receive(), Ready):
                return
        raise UpstreamDown(f"the engine was not ready after {_MOST_STRAYS} messages")


@asynccontextmanager
async def connected(
    url: str, address: tuple[str, int], call: Call[M], tls: SSLContext | None = None
) -> AsyncIterator[Connection[M]]:
    """A connection with a slot of the server at `address`, which the URL's host is a name of. Left, it is closed.

    `tls` goes with a wss URL. Raises `AtCapacity`, `UpstreamMisconfigured`, `UpstreamDown`, `VoiceNotFound`; it is for
    the caller to limit the time.
    """
    websocket = await _opened(url, address, call.key, tls)
    limit = _ABORT_LIMIT_S
    try:
        connection = Connection(websocket, call.decoder)
        if call.first is not None:
            await connection.send(call.first)
        await connection.ready()
        limit = _CLOSE_LIMIT_S
        yield connection
    finally:
        await _close(websocket, limit)


async def _opened(url: str, address: tuple[str, int], key: str, tls: SSLContext | None) -> ClientConnection:
    host, port = address
    try:
        return await connect(
            url,
            host=host,
            port=port,
            ssl=tls,
            additional_headers={"kyutai-api-key": key},
            compression=None,
            proxy=None,
            open_timeout=None,
            close_timeout=None,
            ping_interval=_PING_EVERY_S,
            ping_timeout=None,
            max_size=_LONGEST_MESSAGE,
            max_queue=_MOST_WAITING,
        )
    except InvalidStatus as refused:
        raise _rejection(refused.response.status_code) from refused
    except (OSError, EOFError, WebSocketException) as error:
        raise UpstreamDown("the engine cannot be reached") from error


async def _close(websocket: ClientConnection, limit: float) -> None:
    """Say goodbye, and be gone in any case: what else the server says is not wanted, but it hides its goodbye."""
    try:
        with suppress(TimeoutError):
            async with asyncio.timeout(limit), beside(_discard(websocket)):
                await websocket.close()
    finally:
        websocket.transport.abort()


async def _discard(websocket: ClientConnection) -> None:
    with suppress(ConnectionClosed):
        while True:
            await websocket.recv(decode=False)


def _closed(closed: ConnectionClosed) -> Closed:
    return Closed(orderly=closed.rcvd is not None)


def _refusal(error: Error) -> MeshError:
    if _FULL in error.message:
        return AtCapacity("every slot of the engine is taken")
    if "voice" in error.message.lower():
        return VoiceNotFound("the engine does not have this voice", field="config.voice")
    return EngineError(error.message)


def _rejection(status: int) -> MeshError:
    """What a plain HTTP answer to the handshake means."""
    if status in (HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN):
        return UpstreamMisconfigured("the engine does not know the key it was sent (KYUTAI_API_KEY)")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        return AtCapacity("the engine takes no more requests")
    if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR:
        return UpstreamMisconfigured(f"the engine has no such stream (HTTP {status}): is it another server's URL?")
    return UpstreamDown(f"the engine answered with HTTP {status}")
