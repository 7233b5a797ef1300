"""A real edge on a real socket, in front of a fake orchestrator, and clients for it."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any, TypeAlias

import pytest
from prometheus_client import CollectorRegistry
from websockets.asyncio.client import ClientConnection, connect

from edge.server import EdgeServer, serving
from edge.settings import EdgeSettings
from mesh.server import GrpcServer
from tests.fakes.conversation import LIMIT_S, FakeConversation, conversation_server

UNUSED = "127.0.0.1:9"
"""Where nothing listens."""


@pytest.fixture
def fake() -> FakeConversation:
    return FakeConversation()


@pytest.fixture
async def orchestrator(fake: FakeConversation) -> AsyncIterator[GrpcServer]:
    async with conversation_server(fake) as server:
        yield server


EdgeFactory: TypeAlias = Callable[..., AbstractAsyncContextManager[EdgeServer]]


@pytest.fixture
def serve_edge() -> EdgeFactory:
    """Run an edge with these settings, on any free port."""

    def serve(**settings: Any) -> AbstractAsyncContextManager[EdgeServer]:
        targets = {"orchestrator_target": UNUSED, "voices_target": UNUSED}
        return serving(EdgeSettings(**{"port": 0, **targets, **settings}), registry=CollectorRegistry())

    return serve


@pytest.fixture
async def edge(orchestrator: GrpcServer, serve_edge: EdgeFactory) -> AsyncIterator[EdgeServer]:
    async with serve_edge(orchestrator_target=orchestrator.address) as server:
        yield server


class Client:
    """Speaks Unmute's dialect over a real WebSocket."""

    def __init__(self, websocket: ClientConnection) -> None:
        self.websocket = websocket

    async def send(self, **event: Any) -> None:
        await self.websocket.send(json.dumps(event))

    async def update(self, **session: Any) -> None:
        await self.send(type="session.update", session={"allow_recording": False, **session})

    async def append(self, audio: bytes) -> None:
        await self.send(type="input_audio_buffer.append", audio=base64.b64encode(audio).decode())

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
async def client_of(port: int, **options: Any) -> AsyncIterator[Client]:
    async with connect(f"ws://127.0.0.1:{port}/v1/realtime", proxy=None, **options) as websocket:
        yield Client(websocket)


@pytest.fixture
async def client(edge: EdgeServer) -> AsyncIterator[Client]:
    async with client_of(edge.port, subprotocols=["realtime"]) as connected:
        yield connected
