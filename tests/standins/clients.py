"""A plain client of moshi-server, written from its protocol."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import msgpack
from websockets.asyncio.client import ClientConnection, connect

from standins.engine import Engine

KEY = {"kyutai-api-key": "public_token"}
FRAME = 1_920


@asynccontextmanager
async def connected(engine: Engine[Any], query: str = "", **headers: str) -> AsyncIterator[ClientConnection]:
    """A connection to an engine, with the key unless other headers are given."""
    path = "/api/asr-streaming" if engine.kind == "stt" else "/api/tts_streaming"
    if engine.kind == "tts" and not query:
        query = "?format=PcmMessagePack"
    async with connect(
        f"{engine.url}{path}{query}", additional_headers=headers or KEY, compression=None, max_size=None
    ) as socket:
        yield socket


def packed(kind: str, **fields: Any) -> bytes:
    message: bytes = msgpack.packb({"type": kind, **fields}, use_single_float=True)
    return message


async def told(socket: ClientConnection) -> dict[str, Any]:
    """The next message."""
    message: dict[str, Any] = msgpack.unpackb(await socket.recv(decode=False))
    return message


async def everything(socket: ClientConnection) -> list[dict[str, Any]]:
    """All messages up to the end."""
    return [msgpack.unpackb(message) async for message in socket]


def sound(frames: int = 1) -> bytes:
    return packed("Audio", pcm=[0.1, -0.1] * (frames * FRAME // 2))


def silence(frames: int = 1) -> bytes:
    return packed("Audio", pcm=[0.0] * (frames * FRAME))
