"""A moshi-server that does with each stream what a test says; all else is the stand-in's."""

import asyncio
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from http import HTTPStatus
from typing import Any, TypeAlias

import msgspec
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response

from standins import wire
from standins.connection import FaultyConnection
from standins.moshi import MoshiEngine, MoshiOptions, Served
from standins.websocket import Handshake, Refusal, Session, Times, WebSocket

LIMIT_S = 5.0
(KEY,) = MoshiOptions().keys

Behaviour: TypeAlias = "Callable[[Stream, MoshiServer], Coroutine[Any, Any, None]]"


def packed(kind: str, **fields: Any) -> bytes:
    return msgspec.msgpack.encode({"type": kind, **fields})


READY = wire.ready()


class Gone(Exception):
    """The client has left."""


class Stream:
    """One connection that has a slot, as a test's script sees it."""

    def __init__(self, websocket: WebSocket) -> None:
        self._websocket = websocket
        self._received: asyncio.Queue[bytes | str | None] = asyncio.Queue()
        self._over = asyncio.Event()

    async def send(self, message: bytes | str) -> None:
        """Send a message once the ones before have left. Raises `Gone`."""
        await asyncio.sleep(0)
        while not (self._over.is_set() or self._websocket.writable):  # noqa: ASYNC110 - it tells nobody
            await asyncio.sleep(0.001)
        if self._over.is_set():
            raise Gone
        self._websocket.send(message)

    async def receive(self) -> bytes:
        """Return the next message, which must be binary. Raises `Gone`."""
        message = await self._received.get()
        if message is None:
            raise Gone
        assert isinstance(message, bytes)
        return message

    async def __aiter__(self) -> AsyncIterator[bytes]:
        try:
            while True:
                yield await self.receive()
        except Gone:
            return

    async def until_closed(self) -> None:
        await self._over.wait()

    def close(self) -> None:
        """Close as the real server does: without a code."""
        self._websocket.close()

    def hang_up(self) -> None:
        """Close without a close frame."""
        self._websocket.hang_up()

    def reset(self) -> None:
        """Drop the connection."""
        self._websocket.reset()

    def take(self, message: bytes | str) -> None:
        self._received.put_nowait(message)

    def end(self) -> None:
        self._over.set()
        self._received.put_nowait(None)


async def idle(stream: Stream, server: "MoshiServer") -> None:
    """Be ready, then take whatever comes."""
    await stream.send(READY)
    async for message in stream:
        server.received.append(message)


def silent(after: float = LIMIT_S) -> Behaviour:
    """Never be ready."""

    async def behave(stream: Stream, server: MoshiServer) -> None:
        del server
        async with asyncio.timeout(after):
            await stream.until_closed()

    return behave


def saying(*messages: bytes | str, orderly: bool = True) -> Behaviour:
    """Say these, then close, or just be gone."""

    async def behave(stream: Stream, server: MoshiServer) -> None:
        del server
        for message in messages:
            await stream.send(message)
        if orderly:
            stream.close()
        else:
            stream.hang_up()

    return behave


class _Scripted(Served):
    """A session whose script runs until it returns or the connection is over."""

    def __init__(
        self, handshake: Handshake, connection: FaultyConnection, times: Times, begin: Callable[[Stream], None]
    ) -> None:
        super().__init__(handshake, connection, times)
        self.stream = Stream(connection.socket)
        self._begin = begin

    def opened(self) -> None:
        super().opened()
        self._begin(self.stream)

    def received(self, message: bytes | str) -> None:
        self.stream.take(message)

    def closed(self) -> None:
        super().closed()
        self.stream.end()


class MoshiServer(MoshiEngine[MoshiOptions, _Scripted]):
    """`used` slots are taken; `received` are all messages of all streams; `behave` may be exchanged at any time."""

    kind = "moshi"
    scheme = "http"
    module = {"type": "py"}  # noqa: RUF012 - of all alike
    metrics_prefix = "py"
    cross_talk = ()

    def __init__(
        self,
        behave: Behaviour = idle,
        *,
        slots: int = 2,
        path: str = "/api/asr-streaming",
        tells_slots: bool = True,
        modules: str | None = None,
        status: HTTPStatus | None = None,
        host: str = "127.0.0.1",
        port: int = 0,
    ) -> None:
        """`modules` is what it tells of its modules instead, `status` the plain answer that streams get instead."""
        super().__init__(MoshiOptions(slots=slots))
        self.behave = behave
        self.received: list[bytes] = []
        self.requests: list[str] = []
        """The target of each handshake."""
        self.host = host
        self.port = port
        self.path = path
        self._tells_slots = tells_slots
        self._modules = modules
        self._status = status
        self._running = AsyncExitStack()
        self._scripts: asyncio.TaskGroup
        self._connected: set[WebSocket] = set()

    @property
    def used(self) -> int:
        return self.slots.used

    @property
    def streams(self) -> int:
        """How many there have been, with those that got no slot."""
        return self.slots.granted + self.slots.refused

    async def start(self) -> None:
        """Serve until `kill`; once started it keeps its port."""
        self._scripts = await self._running.enter_async_context(asyncio.TaskGroup())
        await self._running.enter_async_context(self.serving(self.host, self.port))
        self.port = int(self.url.rpartition(":")[2])

    async def kill(self) -> None:
        """Be gone without a word."""
        await self._running.aclose()

    def cut_off(self) -> None:
        """Lose all connections, but stay."""
        for websocket in list(self._connected):
            websocket.reset()

    def _connect(self, handshake: Handshake, websocket: WebSocket) -> Session | Refusal:
        self.requests.append(handshake.target)
        return Refusal(self._status) if self._status else super()._connect(handshake, websocket)

    def _session(self, handshake: Handshake, connection: FaultyConnection) -> _Scripted:
        session = _Scripted(handshake, connection, self._times(), self._begin)
        self._connected.add(connection.socket)
        session.finally_(lambda: self._connected.discard(connection.socket))
        return session

    def _begin(self, stream: Stream) -> None:
        self._scripts.create_task(self._run(stream))

    async def _run(self, stream: Stream) -> None:
        try:
            await self.behave(stream, self)
        except* Gone:  # A script may have tasks of its own, whose group wraps it.
            pass
        finally:
            stream.close()

    async def _modules_info(self, request: Request) -> Response:
        if not self._tells_slots:
            return PlainTextResponse("", HTTPStatus.NOT_FOUND)
        if self._modules is not None:
            return PlainTextResponse(self._modules)
        return await super()._modules_info(request)


@asynccontextmanager
async def running(behave: Behaviour = idle, **fields: Any) -> AsyncIterator[MoshiServer]:
    server = MoshiServer(behave, **fields)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()
