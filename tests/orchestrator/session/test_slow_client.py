"""A client that does not read, and one that does not write."""

import asyncio

import grpc
import pytest

from mesh.errors import Idle
from mesh.times import duration
from parley.audio.v1.audio_pb2 import AudioFormat
from parley.conversation.v1 import conversation_pb2 as pb
from tests.fakes.llm import written
from tests.fakes.tts import spoken
from tests.orchestrator.caller import TYPED
from tests.orchestrator.harness import open_harness

GREEDY = pb.ConverseConfig(
    output_format=AudioFormat(sample_rate_hertz=48_000), session=pb.SessionConfig(pacing_lead=duration(60))
)
"""Has 96 kB sent for each second of speech, as soon as it is made. gRPC takes 4 MB that nobody reads."""


async def test_a_client_that_does_not_read_is_dropped_and_harms_nobody() -> None:
    async with (
        open_harness(stall_limit_s=0.3) as harness,
        harness.calling(TYPED) as other,
        harness.calling(GREEDY) as caller,
    ):
        harness.llm.script = written(*(f"word{number} " for number in range(50)))
        harness.tts.script = spoken(12)
        await caller.say("Hi!")
        await (await harness.tts.speaking()).until_over()
        harness.llm.script = written("Fine.")
        harness.tts.script = spoken(2)
        await other.say("How are you?")
        assert (await other.until("reply_finished")).text == "Fine."
        await harness.stt.slots.until_open(0)
        error = await caller.failure()
        assert type(error) is Idle
        assert error.code is grpc.StatusCode.DEADLINE_EXCEEDED
        await other.say("And now?")
        await other.until("reply_finished")


async def test_a_client_that_lets_its_queue_fill_is_dropped(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.session.send_queue._MAX_WAITING", 50)
    async with open_harness() as harness, harness.calling(GREEDY) as caller:
        harness.llm.script = written(*(f"word{number} " for number in range(100)))
        harness.tts.script = spoken(60)
        await caller.say("Hi!")
        # gRPC takes nearly all of the minute of sound that goes out at once. Then the queue fills in real time.
        await harness.until_empty(40)
        await harness.no_call_left()
        assert type(await caller.failure()) is Idle


async def test_a_client_that_says_nothing_for_too_long_is_gone() -> None:
    async with open_harness(idle_limit_s=0.3) as harness, harness.calling() as caller:
        began = asyncio.get_running_loop().time()
        error = await caller.failure()
        assert type(error) is Idle
        assert error.message == "no request for 0.3 s"
        assert asyncio.get_running_loop().time() - began < 2
        await harness.until_empty()
