"""What can go wrong with a moshi-server, by the throw of dice."""

import asyncio
import random
from collections.abc import Callable
from typing import Any

import msgspec

from tests.moshi_client.server import READY, Behaviour, MoshiServer, Stream, packed

GOLDEN = [
    packed("Ready"),
    packed("Error", message="no free channels"),
    packed("Error", message="out of memory"),
    packed("Word", text="hi", start_time=0.48),
    packed("EndWord", stop_time=1.0),
    packed("Marker", id=0),
    packed("Step", step_idx=1, prs=[0.1, 0.2, 0.3, 0.4], buffered_pcm=0),
    packed("Text", text="hi", start_s=0.08, stop_s=0.4),
    packed("Audio", pcm=[0.25] * 100),
    packed("OggOpus", data=[79, 103]),
]


def anything(dice: random.Random, depth: int = 3) -> Any:
    """A value that MessagePack can hold."""
    leaves: list[Callable[[], Any]] = [
        lambda: None,
        lambda: dice.random() * 10 ** dice.randrange(-3, 300),
        lambda: dice.choice([float("nan"), float("inf"), -1.0]),
        lambda: dice.randrange(-(2**63), 2**64),
        lambda: dice.randbytes(dice.randrange(20)),
        lambda: dice.choice(["Step", "Word", "Audio", "Text", "prs", "pcm", "type", "", "é" * 9]),
    ]
    if depth and dice.random() < 0.5:
        count = dice.randrange(4)
        if dice.random() < 0.5:
            return [anything(dice, depth - 1) for _ in range(count)]
        keys = ["type", "prs", "pcm", "text", "start_s", "stop_s", "start_time", "stop_time", "message"]
        return {key: anything(dice, depth - 1) for key in dice.sample(keys, count)}
    return dice.choice(leaves)()


def mutated(dice: random.Random) -> bytes:
    """A real message with a few bytes changed, added or lost."""
    data = bytearray(dice.choice(GOLDEN))
    for _ in range(dice.randrange(1, 4)):
        place = dice.randrange(len(data) + 1)
        data[place : place + dice.randrange(3)] = dice.randbytes(dice.randrange(3))
    return bytes(data)


def garbage(dice: random.Random) -> bytes | str:
    """A message that a server might send, if it were not itself."""
    match dice.randrange(6):
        case 0:
            return dice.randbytes(dice.randrange(60))
        case 1:
            return msgspec.msgpack.encode(anything(dice))
        case 2:
            return "what"
        case 3:
            return dice.choice(GOLDEN)
        case _:
            return mutated(dice)


def fuzzing(dice: random.Random) -> Behaviour:
    """Say garbage, before being ready or after."""

    async def behave(stream: Stream, server: MoshiServer) -> None:
        del server
        if dice.random() < 0.8:
            await stream.send(READY)
        for _ in range(dice.randrange(1, 6)):
            await stream.send(garbage(dice))
        await stream.until_closed()

    return behave


def stormy(dice: random.Random, fair: Behaviour) -> Behaviour:
    """Mostly do as a server should, and now and then something else."""

    async def late(stream: Stream, server: MoshiServer) -> None:
        await asyncio.sleep(dice.random() * 0.4)
        await fair(stream, server)

    async def mute(stream: Stream, server: MoshiServer) -> None:
        del server
        await stream.until_closed()

    async def abrupt(stream: Stream, server: MoshiServer) -> None:
        async with asyncio.TaskGroup() as tasks:
            task = tasks.create_task(fair(stream, server))
            await asyncio.sleep(dice.random() * 0.2)
            task.cancel()
        stream.reset()

    async def brief(stream: Stream, server: MoshiServer) -> None:
        del server
        await stream.send(READY)
        stream.close()

    async def behave(stream: Stream, server: MoshiServer) -> None:
        odd = dice.choice([late, mute, abrupt, brief, fuzzing(dice)])
        await (fair if dice.random() < 0.6 else odd)(stream, server)

    return behave
