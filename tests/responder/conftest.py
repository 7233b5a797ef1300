import asyncio
import socket
from collections.abc import AsyncIterator
from datetime import datetime

import openai
import pytest
import uvicorn

from responder.app import create_app

NOW = datetime(2026, 11, 23, 15, 25)  # noqa: DTZ001 - the place does not matter


@pytest.fixture
async def base_url() -> AsyncIterator[str]:
    """A responder on a real port."""
    listening = socket.create_server(("127.0.0.1", 0))
    app = create_app(token_delay_s=0.0, now=lambda: NOW)
    server = uvicorn.Server(uvicorn.Config(app, ws="none", lifespan="off", log_config=None, access_log=False))
    serving = asyncio.create_task(server.serve([listening]))
    yield f"http://127.0.0.1:{listening.getsockname()[1]}"
    server.should_exit = True
    await serving


@pytest.fixture
async def client(base_url: str) -> AsyncIterator[openai.AsyncOpenAI]:
    async with openai.AsyncOpenAI(base_url=f"{base_url}/v1", api_key="none", max_retries=0, timeout=10) as client:
        yield client
