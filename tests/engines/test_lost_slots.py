"""Whatever happens to a stream, its slot is given back."""

import asyncio
import os
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from types import CoroutineType
from typing import Any

import grpc
import pytest
from structlog.testing import capture_logs

from mesh.errors import MeshError, UpstreamDown
from mesh.rpc.channels import open_channel
from tests.engines.callers import capricious, opened, patient
from tests.engines.proxies import Proxies, proxies_before
from tests.engines.weather import fuzzing, stormy
from tests.moshi_client.models import recognising, speaking
from tests.moshi_client.server import MoshiServer, running

STREAMS = int(os.environ.get("PARLEY_STORM_STREAMS", "600"))
ROUNDS = 6
AT_ONCE = 24
FREE_WITHIN_S = 2.0


@asynccontextmanager
async def together(
    contexts: Sequence[AbstractAsyncContextManager[MoshiServer]],
) -> AsyncIterator[list[MoshiServer]]:
    """All of them. `AsyncExitStack` loops for ever where a context raises again the error that it is left with."""
    if not contexts:
        yield []
        return
    async with contexts[0] as first, together(contexts[1:]) as others:
        yield [first, *others]


@asynccontextmanager
async def servers(dice: random.Random, *, slots: int = 5) -> AsyncIterator[tuple[list[MoshiServer], list[MoshiServer]]]:
    ears = [running(stormy(dice, recognising), slots=slots, tells_slots=bool(n % 2)) for n in range(3)]
    voices = [
        running(stormy(dice, speaking), slots=slots, tells_slots=bool(n % 2), path="/api/tts_streaming")
        for n in range(3)
    ]
    async with together(ears) as running_ears, together(voices) as running_voices:
        yield running_ears, running_voices


def sockets() -> int:
    names = []
    for link in Path("/proc/self/fd").iterdir():
        try:
            names.append(link.readlink().name)
        except OSError:
            continue
    return sum(name.startswith("socket:") for name in names)


def own_tasks() -> set[asyncio.Task[Any]]:
    """All tasks but gRPC's, which come and go, and the test's."""
    others = asyncio.all_tasks() - {asyncio.current_task()}
    return {task for task in others if isinstance(task.get_coro(), CoroutineType)}


async def all_free(engines: list[MoshiServer], proxies: Proxies) -> None:
    """Wait until no slot is taken and no lease held; that must not take long."""
    async with asyncio.timeout(FREE_WITHIN_S):
        while any(engine.used for engine in engines) or any(proxies.leases):  # noqa: ASYNC110 - leases only tell when asked
            await asyncio.sleep(0.01)


async def blow(proxies: Proxies, streams: int, dice: random.Random, engines: list[MoshiServer]) -> None:
    """So many streams, a few at a time, while connections are cut."""
    numbers = iter(range(streams))

    async def one_after_another() -> None:
        for _ in numbers:
            timeout = dice.random() * 0.5 if dice.random() < 0.2 else 10.0
            call, requests = opened(stt, tts, hears=dice.random() < 0.5, timeout=timeout)
            if dice.random() < 0.15:
                await asyncio.sleep(0)
                call.cancel()
            else:
                await capricious(call, requests, dice)
            if dice.random() < 0.02:
                dice.choice(engines).cut_off()

    async with (
        open_channel(proxies.stt.address) as stt,
        open_channel(proxies.tts.address) as tts,
        asyncio.TaskGroup() as tasks,
    ):
        for _ in range(AT_ONCE):
            tasks.create_task(one_after_another())


async def retried(stt: grpc.aio.Channel, tts: grpc.aio.Channel, *, hears: bool) -> list[str | None]:
    """What comes of a stream once the engine is not left alone any more, for having failed before it was ready."""
    while True:
        try:
            return await patient(*opened(stt, tts, hears=hears))
        except UpstreamDown:
            await asyncio.sleep(0.05)


@pytest.mark.unmute("B6", "B25")
@pytest.mark.timeout(300)
@pytest.mark.unmute("B26")
async def test_a_storm_leaves_every_slot_free_and_no_socket_task_or_lease() -> None:
    dice = random.Random(4)  # noqa: S311 - no secret
    with capture_logs() as logged:
        await storm(dice)
    assert [line for line in logged if line["log_level"] == "error"] == []


async def storm(dice: random.Random) -> None:
    async with servers(dice) as (ears, voices):
        engines = [*ears, *voices]
        async with proxies_before(ears, voices) as proxies:
            # gRPC opens sockets of its own when it is first used.
            await blow(proxies, AT_ONCE, dice, engines)
        for _ in range(ROUNDS):
            sockets_before, tasks_before = sockets(), own_tasks()
            async with proxies_before(ears, voices) as proxies:
                await blow(proxies, STREAMS // ROUNDS, dice, engines)
                await all_free(engines, proxies)
                async with open_channel(proxies.stt.address) as stt, open_channel(proxies.tts.address) as tts:
                    # In the middle of these the proxies are stopped.
                    for number in range(12):
                        call, requests = opened(stt, tts, hears=number % 2 == 0)
                        await call.write(requests[0])
                    await asyncio.sleep(dice.random() * 0.2)
                    assert proxies.metric("parley_stt_leases_peak") > 1
                    await proxies.stt.__aexit__(None, None, None)
                    await proxies.tts.__aexit__(None, None, None)
                await all_free(engines, proxies)
            async with asyncio.timeout(FREE_WITHIN_S):
                while sockets() > sockets_before or own_tasks() - tasks_before:  # noqa: ASYNC110 - only to be asked for
                    await asyncio.sleep(0.01)
        assert sum(engine.streams for engine in engines) > STREAMS / 4


async def test_garbage_from_an_engine_hurts_no_other_stream() -> None:
    dice = random.Random(7)  # noqa: S311 - no secret
    async with AsyncExitStack() as exits:
        logged = exits.enter_context(capture_logs())
        enter = exits.enter_async_context
        ear = await enter(running(slots=50))
        voice = await enter(running(slots=50, path="/api/tts_streaming"))
        proxies = await enter(proxies_before([ear], [voice]))
        stt = await enter(open_channel(proxies.stt.address))
        tts = await enter(open_channel(proxies.tts.address))
        for number in range(150):
            hears = number % 2 == 0
            ear.behave = voice.behave = fuzzing(dice)
            call, requests = opened(stt, tts, hears=hears, timeout=0.3)
            with suppress(MeshError):
                await patient(call, requests)
            call.cancel()
            await all_free([ear, voice], proxies)
            ear.behave, voice.behave = recognising, speaking
            # A failure before it was ready may leave the engine alone for a moment.
            kinds = await retried(stt, tts, hears=hears)
            assert kinds[0] == "started"
            assert ("flushed" if hears else "finished") in kinds
        assert proxies.leases == [0, 0, 0, 0]
        assert [line for line in logged if line["log_level"] == "error"] == []
