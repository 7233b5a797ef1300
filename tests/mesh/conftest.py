import contextlib
from collections.abc import AsyncIterator

import pytest

from mesh.rpc.server import GrpcServer
from tests.mesh.discovery.replica import Serve, Speaker


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts servers that live until the test ends."""
    async with contextlib.AsyncExitStack() as stack:

        async def start(*speakers: Speaker) -> list[GrpcServer]:
            return [await stack.enter_async_context(speaker.served()) for speaker in speakers]

        yield start
