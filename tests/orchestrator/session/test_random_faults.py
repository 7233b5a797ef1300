"""Two hundred conversations, opened and dropped at random moments."""

import asyncio
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from mesh.errors import AtCapacity, MissingServiceTimeout
from mesh.times import duration
from parley.conversation.v1 import conversation_pb2 as pb
from tests.orchestrator.caller import SILENCE, SPEECH, Caller
from tests.orchestrator.harness import Harness, Tasks

CONVERSATIONS = 200
AT_ONCE = 20
RECOGNISERS = 12
VOICES = 10

EAGER = pb.SessionConfig(pacing_lead=duration(60), confirmation_time=duration(0.1))


async def talk(caller: Caller, harness: Harness, dice: random.Random) -> None:
    """Do something that people do."""
    match dice.randrange(5):
        case 0:
            await caller.say("Hi!")
        case 1:
            await caller.play(SILENCE, SPEECH, SPEECH, SILENCE)
        case 2:
            await caller.play(SPEECH)
            dice.choice(harness.stt.hearings).word("Wait")
        case 3:
            await caller.update(pb.SessionConfig(reply_modality=dice.choice([1, 2])))  # type: ignore[arg-type]
        case 4:
            dice.choice(harness.stt.hearings).fail()


async def hear(caller: Caller, events: int) -> None:
    """Read so many events, if there are as many at once."""
    for _ in range(events):
        async with asyncio.timeout(0.2):
            await caller.next()


async def leave(caller: Caller, dice: random.Random) -> None:
    match dice.randrange(3):
        case 0:
            await caller.hang_up()
        case 1:
            await caller.finish()
    # Whatever was said, the call is cancelled at the end of its block.


async def converse(harness: Harness, dice: random.Random) -> bool:
    """Hold one conversation, up to a random moment; tell whether it was admitted."""
    async with harness.dialled() as caller:
        if dice.random() < 0.05:
            return False
        config = pb.ConverseConfig(session=EAGER, typed_only=dice.random() < 0.2)
        await caller.send(pb.ConverseRequest(config=config))
        if dice.random() < 0.1:
            return False
        try:
            await caller.until("started")
        except (AtCapacity, MissingServiceTimeout):  # the second where two busy cores are too slow for all this
            return False
        for _ in range(dice.randrange(4)):
            await talk(caller, harness, dice)
            try:
                await hear(caller, dice.randrange(12))
            except TimeoutError:  # gRPC has cancelled the call then
                return True
        await leave(caller, dice)
        return True


@pytest.mark.unmute("B26")
async def test_random_faults_leave_nothing_behind(harness: Harness, tasks_before: Tasks) -> None:
    async def slowly(_request: dict[str, Any]) -> AsyncIterator[str | bytes]:
        for number in range(30):
            yield f"word{number} "
            await asyncio.sleep(0)

    harness.llm.script = slowly
    harness.stt.slots.capacity = RECOGNISERS
    harness.tts.slots.capacity = VOICES
    places = asyncio.Semaphore(AT_ONCE)

    async def one(number: int) -> bool:
        async with places:
            return await converse(harness, random.Random(1_000 + number))  # noqa: S311 - the same faults every time

    with capture_logs() as logged:
        admitted = await asyncio.gather(*(one(number) for number in range(CONVERSATIONS)))
        await harness.until_empty()
        await harness.no_task_left(tasks_before)
    assert sum(admitted) > CONVERSATIONS / 4
    assert [line for line in logged if line["log_level"] == "error"] == []
    assert harness.registry.get_sample_value("parley_conversations_active") == 0
    assert harness.registry.get_sample_value("worker_vllm_active_sessions") == 0

    harness.stt.slots.capacity = harness.tts.slots.capacity = RECOGNISERS
    async with harness.calling() as caller:
        await caller.say("Is anybody left?")
        await caller.until("reply_audio")
