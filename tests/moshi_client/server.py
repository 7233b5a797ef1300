"""A moshi-server of a test's own: it answers over HTTP, gives slots, and does with streams what the test says."""

import asyncio
import http
from collections.abc import AsyncIterator, Callable, Coroutine
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any, TypeAlias

import msgspec
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

LIMIT_S = 5.0
KEY = "public_token"

Behaviour: TypeAlias = "Callable[[ServerConnection, MoshiServer], Coroutine[Any, Any, None]]"


def packed(kind: str, **fields: Any) -> bytes:
    return msgspec.msgpack.encode({"type": kind, **fields})


READY = packed("Ready")
FULL = packed("Error", message="no free channels")


async def binary(websocket: ServerConnection) -> AsyncIterator[bytes]:
    """The messages that come; text is none of ours."""
    async for message in websocket:
        assert isinstance(message, bytes)
        yield message


async def idle(websocket: ServerConnection, server: "MoshiServer") -> None:
    """Be ready, then take whatever comes."""
    await websocket.send(READY)
    async for message in binary(websocket):
        server.received.append(message)


def silent(after: float = LIMIT_S) -> Behaviour:
    """Never be ready."""

    async def behave(websocket: ServerConnection, server: MoshiServer) -> None:
        del server
        async with asyncio.timeout(after):
            await websocket.wait_closed()

    return behave


def saying(*messages: bytes | str, orderly: bool = True) -> Behaviour:
    """Say these, then close, or just be gone."""

    async def behave(websocket: ServerConnection, server: MoshiServer) -> None:
        del server
        for message in messages:
            await websocket.send(message)
        if orderly:
            await goodbye(websocket)
        else:
            websocket.transport.close()

    return behave


async def goodbye(websocket: ServerConnection) -> None:
    """Close as the real server does: without a code."""
    async with websocket.send_context():
        websocket.protocol.send_close()


@dataclass
class MoshiServer:
    """`used` slots of `slots` are taken; `received` are all messages of all streams."""

    behave: Behaviour = idle
    slots: int = 2
    path: str = "/api/asr-streaming"
    tells_slots: bool = True
    modules: str | None = None
    """What it tells of its modules instead."""
    status: http.HTTPStatus | None = None
    """What plain HTTP answer streams get instead."""
    used: int = 0
    streams: int = 0
    received: list[bytes] = field(default_factory=list)
    requests: list[str] = field(default_factory=list)
    host: str = "127.0.0.1"
    port: int = 0
    changed: asyncio.Condition = field(default_factory=asyncio.Condition)
    _running: AsyncExitStack = field(default_factory=AsyncExitStack)
    _server: Server | None = None

    @property
    def url(self) -> str:
        return f"http://{self.host}:{self.port}"

    async def start(self) -> None:
        self._server = await self._running.enter_async_context(
            serve(self._stream, self.host, self.port, process_request=self._answer, compression=None)
        )
        self.port = self._server.sockets[0].getsockname()[1]

    async def kill(self) -> None:
        """Be gone without a word."""
        self.cut_off()
        await self._running.aclose()

    def cut_off(self) -> None:
        """Lose all connections, but stay."""
        assert self._server
        for connection in self._server.connections:
            connection.transport.abort()

    async def until(self, holds: Callable[["MoshiServer"], bool]) -> None:
        async with asyncio.timeout(LIMIT_S), self.changed:
            await self.changed.wait_for(lambda: holds(self))

    def _answer(self, connection: ServerConnection, request: Request) -> Response | None:
        if request.path == "/api/build_info":
            return connection.respond(http.HTTPStatus.OK, "{}")
        if request.path == "/api/modules_info":
            if not self.tells_slots:
                return connection.respond(http.HTTPStatus.NOT_FOUND, "")
            if self.modules is not None:
                return connection.respond(http.HTTPStatus.OK, self.modules)
            module = {"path": self.path, "used_slots": str(self.used), "total_slots": str(self.slots)}
            return connection.respond(http.HTTPStatus.OK, msgspec.json.encode([module]).decode())
        self.requests.append(request.path)
        if self.status is not None:
            return connection.respond(self.status, "")
        if request.headers.get("kyutai-api-key") != KEY:
            return connection.respond(http.HTTPStatus.UNAUTHORIZED, "")
        return None

    async def _stream(self, websocket: ServerConnection) -> None:
        self.streams += 1
        if self.used >= self.slots:
            await websocket.send(FULL)
            await goodbye(websocket)
            return
        await self._count(1)
        try:
            await self.behave(websocket, self)
        except ConnectionClosed:
            pass
        finally:
            await self._count(-1)

    async def _count(self, change: int) -> None:
        self.used += change
        async with self.changed:
            self.changed.notify_all()


@asynccontextmanager
async def running(behave: Behaviour = idle, **fields: Any) -> AsyncIterator[MoshiServer]:
    server = MoshiServer(behave, **fields)
    await server.start()
    try:
        yield server
    finally:
        await server.kill()
