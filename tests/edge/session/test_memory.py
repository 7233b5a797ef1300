"""What a session leaves in memory once it has ended."""

import asyncio
import gc
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager

import pytest

from edge.dialects.unmute import UnmuteDialect
from edge.http.connections import HttpConnection, WebSocketConnection
from edge.server import EdgeServer
from edge.session.client import ClientSession
from parley.conversation.v1.conversation_pb2 import END_CAUSE_GOODBYE
from tests.edge.clients import Client, client_of
from tests.edge.sounds import opus_stream
from tests.fakes.conversation import Conversation, FakeConversation

STREAM = opus_stream(0.8)


async def goodbye(client: Client, talk: Conversation) -> None:
    await talk.end(END_CAUSE_GOODBYE)
    await client.closed()


async def failure(client: Client, talk: Conversation) -> None:
    talk.fail(None)
    await client.closed()


async def close_by_the_client(client: Client, talk: Conversation) -> None:
    await client.websocket.close()
    await talk.hung_up()


async def loss_of_the_client(client: Client, talk: Conversation) -> None:
    client.websocket.transport.abort()
    await talk.hung_up()


@contextmanager
def without_collections() -> Iterator[None]:
    """Only counts of references free anything meanwhile."""
    gc.collect()
    gc.disable()
    try:
        yield
    finally:
        gc.enable()


def alive() -> list[object]:
    kinds = (ClientSession, UnmuteDialect, HttpConnection, WebSocketConnection)
    return [each for each in gc.get_objects() if type(each) in kinds]


@pytest.mark.parametrize("end", [goodbye, failure, close_by_the_client, loss_of_the_client])
async def test_an_ended_session_needs_no_garbage_collection(
    edge: EdgeServer, fake: FakeConversation, end: Callable[[Client, Conversation], Awaitable[None]]
) -> None:
    with without_collections():
        others = alive()  # of servers that other tests still run
        for _ in range(5):
            async with client_of(edge.port) as client:
                talk = await fake.next_conversation()
                await client.append(STREAM)
                await talk.next_request("audio")
                await end(client, talk)
        async with asyncio.timeout(5):
            while len(alive()) > len(others):  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.02)
