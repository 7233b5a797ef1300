"""Clients of a real edge, over real sockets."""

import asyncio
import base64
import json
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx2
from websockets.asyncio.client import ClientConnection, connect

from tests.fakes.conversation import LIMIT_S


def append_event(audio: bytes) -> str:
    """The next bytes of a microphone's Ogg Opus stream, as Unmute's clients send them."""
    return json.dumps({"type": "input_audio_buffer.append", "audio": base64.b64encode(audio).decode()})


class Client:
    """Speaks Unmute's dialect over a real WebSocket."""

    def __init__(self, websocket: ClientConnection) -> None:
        self.websocket = websocket

    async def send(self, **event: Any) -> None:
        await self.websocket.send(json.dumps(event))

    async def update(self, **session: Any) -> None:
        await self.send(type="session.update", session={"allow_recording": False, **session})

    async def append(self, audio: bytes) -> None:
        await self.websocket.send(append_event(audio))

    async def next_event(self) -> dict[str, Any]:
        async with asyncio.timeout(LIMIT_S):
            event: dict[str, Any] = json.loads(await self.websocket.recv())
            return event

    async def closed(self) -> tuple[int | None, str | None]:
        """The code and the reason of the close, which must come."""
        async with asyncio.timeout(LIMIT_S):
            await self.websocket.wait_closed()
        return self.websocket.close_code, self.websocket.close_reason


@asynccontextmanager
async def client_of(port: int, path: str = "/v1/realtime", **options: Any) -> AsyncIterator[Client]:
    async with connect(f"ws://127.0.0.1:{port}{path}", proxy=None, **options) as websocket:
        yield Client(websocket)


@asynccontextmanager
async def client_that_does_not_read(port: int) -> AsyncIterator[Client]:
    """A client that does not read, with little room for what it is sent."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4_096)
    sock.connect(("127.0.0.1", port))
    async with client_of(port, sock=sock) as client:
        client.websocket.transport.pause_reading()
        yield client
        client.websocket.transport.abort()


def http_of(port: int) -> httpx2.AsyncClient:
    """A client for the edge's REST routes."""
    return httpx2.AsyncClient(base_url=f"http://127.0.0.1:{port}", trust_env=False)
