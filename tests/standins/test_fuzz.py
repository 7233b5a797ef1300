import asyncio
import random
from contextlib import suppress
from typing import Any
from urllib.parse import urlsplit

import pytest
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed, InvalidHandshake

from standins.engine import Engine
from standins.garbage import garbage
from standins.stt.engine import SttEngine
from standins.stt.options import SttOptions
from standins.tts.engine import TtsEngine
from standins.tts.options import TtsOptions
from tests.standins.clients import connected, packed, silence, sound

ENGINES = [
    lambda: SttEngine(SttOptions(step_s=0, slots=8)),
    lambda: TtsEngine(TtsOptions(speed=100, first_audio_s=0, slots=8)),
]
RIGHT = {
    "stt": [sound(), silence(3), packed("Marker", id=3), packed("Init"), packed("OggOpus", data=[1, 2])],
    "tts": [
        packed("Text", text="one two three four"),
        packed("Eos"),
        b"\0",
        packed("Voice", embeddings=[0.5], shape=[1]),
    ],
}
FAULTS = [
    "stall:after=2,probability=0.1",
    "close:how=reset,after=1,probability=0.1",
    "close:how=eof,after=2,probability=0.1",
    "close:how=bare,after=0,probability=0.1",
    "garbage:after=1,probability=0.1",
    "slow:first=0.05,probability=0.1",
    "silent:probability=0.1",
    "cross_talk:probability=0.1",
    "full:probability=0.1",
    "http:status=500,probability=0.1",
]


async def converse(engine: Engine[Any], seed: int) -> None:
    """Connect, say something right and something wrong, and leave in one of several ways."""
    chance = random.Random(seed)  # noqa: S311 - repeatable
    right = RIGHT[engine.kind]
    with suppress(ConnectionClosed, InvalidHandshake, OSError, TimeoutError):
        async with asyncio.timeout(chance.choice([0.002, 0.02, 0.2])), connected(engine) as socket:
            for _ in range(chance.randrange(6)):
                message = chance.choice(right)
                await socket.send(garbage("any", message, chance) if chance.random() < 0.3 else message)
                if chance.random() < 0.5:
                    await asyncio.wait_for(socket.recv(), 0.01)
            await leave(socket, chance)


async def leave(socket: ClientConnection, chance: random.Random) -> None:
    if chance.random() < 0.5:
        socket.transport.abort()


@pytest.mark.parametrize("make", ENGINES)
@pytest.mark.parametrize("faults", [[], FAULTS], ids=["sound", "faulty"])
async def test_no_client_leaks_a_slot(make: Any, faults: list[str]) -> None:
    async with make().serving() as engine:
        engine.break_down(*faults)
        for first in range(0, 200, 20):
            await asyncio.gather(*(converse(engine, seed) for seed in range(first, first + 20)))
        await engine.slots.until_free()
        assert engine.slots.peak <= 8
        assert all(session.over for session in engine.sessions)
        engine.recover()
        async with connected(engine) as socket:
            assert await socket.recv() == packed("Ready")


@pytest.mark.parametrize("make", ENGINES)
async def test_no_bytes_below_the_messages_do_harm(make: Any) -> None:
    handshake = (
        "GET {path}?format=PcmMessagePack HTTP/1.1\r\nHost: x\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
        "Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\nSec-WebSocket-Version: 13\r\n"
        "kyutai-api-key: public_token\r\n\r\n"
    )
    chance = random.Random(1)  # noqa: S311 - repeatable
    async with make().serving() as engine:
        address = urlsplit(engine.url)
        begun = handshake.format(path=engine.path).encode()
        for number in range(60):
            reader, writer = await asyncio.open_connection(address.hostname, address.port)
            if number % 3 == 0:
                writer.write(begun[: chance.randrange(len(begun))])
            elif number % 3 == 1:
                writer.write(begun + chance.randbytes(200))
            else:
                writer.write(chance.randbytes(200) + b"\r\n\r\n")
            with suppress(TimeoutError, OSError):
                await asyncio.wait_for(reader.read(100), 0.02)
            writer.transport.abort()
        await engine.slots.until_free()
        async with connected(engine) as socket:
            assert await socket.recv() == packed("Ready")


@pytest.mark.parametrize("make", ENGINES)
async def test_an_engine_that_ends_frees_everything(make: Any) -> None:
    async with make().serving() as engine:
        sockets = [connected(engine) for _ in range(3)]
        for socket in sockets:
            await socket.__aenter__()
        assert engine.slots.used == 3
    assert engine.slots.used == 0
    for socket in sockets:
        await socket.__aexit__(None, None, None)
