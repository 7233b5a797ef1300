"""Many people at once."""

import os
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from parley.conversation.v1 import conversation_pb2 as pb
from tests.e2e.mesh import Mesh
from tests.e2e.people import Bridge, bridge

CAPACITY = 2 * (os.cpu_count() or 1)
"""Conversations with a microphone that the embedded recogniser takes: two per core."""


@asynccontextmanager
async def filled(mesh: Mesh) -> AsyncIterator[list[Bridge]]:
    """Hold as many conversations as there are recognisers."""
    async with AsyncExitStack() as stack:
        people = [
            await stack.enter_async_context(bridge(mesh.orchestrator, pb.ConverseConfig())) for _ in range(CAPACITY)
        ]
        for person in people:
            await person.first("started")
        yield people
