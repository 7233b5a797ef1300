"""Both stores, opened as often as a test wants: each opening is what a process of its own would have."""

import asyncio
import shutil
import socket
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import TypeAlias

import pytest
from redis.asyncio import Redis
from redis.exceptions import ConnectionError as NotYet

from tests.requirements import required
from voice_service.store import Retention, VoiceStore
from voice_service.stores.redis import redis_store
from voice_service.stores.sqlite import sqlite_store

Opening: TypeAlias = Callable[[Retention], AbstractAsyncContextManager[VoiceStore]]

_START_LIMIT_S = 20.0

needs_redis = [
    pytest.mark.redis,
    pytest.mark.skipif(
        shutil.which("redis-server") is None and not required("redis"),
        reason="redis-server is not installed; install it (Debian: redis-server), and `tox -e redis` runs this",
    ),
]


@pytest.fixture(params=["sqlite", pytest.param("redis", marks=needs_redis)])
async def opening(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Opening]:
    """Open the same store, once more."""
    if request.param == "sqlite":
        yield lambda retention: sqlite_store(tmp_path / "of" / "mine" / "voices.sqlite3", retention)
        return
    async with redis_server(tmp_path) as url:
        yield lambda retention: redis_store(url, retention)


@asynccontextmanager
async def redis_server(folder: Path) -> AsyncIterator[str]:
    """A Redis of the test's own, on a free loopback port; yields its URL."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    command = ("redis-server", "--bind", "127.0.0.1", "--port", str(port), "--save", "", "--dir", str(folder))
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.DEVNULL)
    try:
        await _answering(port)
        yield f"redis://127.0.0.1:{port}/0"
    finally:
        process.terminate()
        await process.wait()


async def _answering(port: int) -> None:
    """Wait until it answers: a server that starts can be asked for nothing better."""
    async with asyncio.timeout(_START_LIMIT_S), Redis(port=port) as client:
        while True:
            try:
                await client.ping()
            except NotYet:
                await asyncio.sleep(0.02)
            else:
                return
