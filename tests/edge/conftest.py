"""A real edge on a real socket, in front of a fake orchestrator, and clients for it."""

from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager
from typing import Any, TypeAlias

import pytest
from prometheus_client import CollectorRegistry

from edge.server import EdgeServer, serving
from edge.settings import EdgeSettings
from mesh.rpc.server import GrpcServer
from tests.edge.clients import Client, client_of
from tests.fakes.conversation import Conversation, FakeConversation, conversation_server

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


@pytest.fixture
async def client(edge: EdgeServer) -> AsyncIterator[Client]:
    async with client_of(edge.port, subprotocols=["realtime"]) as connected:
        yield connected


@pytest.fixture
async def talk(client: Client, fake: FakeConversation) -> Conversation:
    """The service's side of what `client` has opened."""
    assert client.websocket.subprotocol
    return await fake.next_conversation()
