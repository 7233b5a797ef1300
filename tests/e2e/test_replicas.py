"""Three real proxies of each kind under one name, one of which is killed, frozen, drained or full."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack, suppress
from typing import Any

import grpc
import pytest

from mesh.discovery.search import Admission, Replicas, admitted
from mesh.errors import MissingServiceAtCapacity, MissingServiceTimeout
from parley.stt.v1 import stt_pb2, stt_pb2_grpc
from parley.tts.v1 import tts_pb2, tts_pb2_grpc
from tests.e2e.proxies import three, until_serving

pytestmark = pytest.mark.e2e

Stream = Admission[Any, Any]


def synthesize(channel: grpc.aio.Channel) -> Any:
    return tts_pb2_grpc.TextToSpeechServiceStub(channel).Synthesize


def transcribe(channel: grpc.aio.Channel) -> Any:
    return stt_pb2_grpc.SpeechToTextServiceStub(channel).Transcribe


SPEAK = tts_pb2.SynthesizeRequest(config=tts_pb2.SynthesizeConfig())
LISTEN = stt_pb2.TranscribeRequest(config=stt_pb2.TranscribeConfig())


async def found(replicas: Replicas, times: int) -> Counter[str]:
    """Which replicas so many searches find."""
    chosen: Counter[str] = Counter()
    for _ in range(times):
        async with admitted(replicas, synthesize, SPEAK) as stream:
            chosen[stream.replica] += 1
    return chosen


async def slot_free_again(replicas: Replicas, method: Any, config: Any) -> str:
    """The replica that admits once the streams before are known to have ended."""
    async with asyncio.timeout(10):
        while True:
            with suppress(MissingServiceAtCapacity):
                async with admitted(replicas, method, config) as stream:
                    return stream.replica


async def finish(stream: Stream) -> bytes:
    """Speak a sentence to its end."""
    await stream.send(tts_pb2.SynthesizeRequest(text=tts_pb2.SynthesizeText(text="Good bye.")))
    await stream.send(tts_pb2.SynthesizeRequest(finish=tts_pb2.SynthesizeFinish()))
    responses = [response async for response in stream]
    assert responses[-1].HasField("finished")
    return b"".join(response.audio.audio for response in responses)


async def test_synthesis_is_found_whatever_becomes_of_a_replica() -> None:
    async with three("tts_proxy", "PARLEY_TTS_", CAPACITY=4) as (replicas, proxies, tally):
        one, two, other = proxies
        everyone = {each.address for each in proxies}

        # The load is spread, to the last slot, and then all are full.
        async with AsyncExitStack() as streams:
            for _ in range(12):
                await streams.enter_async_context(admitted(replicas, synthesize, SPEAK))
            assert {each.address: each.calls for each in replicas.reachable} == dict.fromkeys(everyone, 4)
            async with asyncio.timeout(1.5):
                with pytest.raises(MissingServiceAtCapacity) as full:
                    await found(replicas, 1)
            assert full.value.retry_after is not None
        # One that was full comes after the others for a second.
        async with asyncio.timeout(10):
            while await slot_free_again(replicas, synthesize, SPEAK) != one.address:
                pass
        assert tally.failures == 0

        # One that hangs costs one try of half a second, and comes back.
        one.freeze()
        chosen = await found(replicas, 30)
        assert one.address not in chosen
        assert tally.failures == 1
        assert 0.5 < max(tally.times) < 1.5
        one.thaw()
        async with asyncio.timeout(10):
            while one.address not in await found(replicas, 3):
                pass

        # One that drains costs no try, and its streams end well.
        failures = tally.failures
        async with AsyncExitStack() as streams:
            old = [await streams.enter_async_context(admitted(replicas, synthesize, SPEAK)) for _ in range(3)]
            (leaving,) = [stream for stream in old if stream.replica == two.address]
            two.drain()
            await until_serving(replicas, one, other)
            assert set(await found(replicas, 12)) == {one.address, other.address}
            assert len(await finish(leaving)) > 10_000
        async with asyncio.timeout(10):
            assert await two.process.wait() == 0
        assert tally.failures == failures

        # One that is killed costs one try at most.
        one.kill()
        assert set(await found(replicas, 12)) == {other.address}
        assert tally.failures <= failures + 1

        other.kill()
        await until_serving(replicas)
        async with asyncio.timeout(1.5):
            with pytest.raises(MissingServiceTimeout):
                await found(replicas, 1)


async def test_recognition_is_found_whatever_becomes_of_a_replica() -> None:
    async with three("stt_proxy", "PARLEY_STT_", WORKERS=2) as (replicas, proxies, tally):
        one, two, other = proxies
        async with AsyncExitStack() as streams:
            held = [await streams.enter_async_context(admitted(replicas, transcribe, LISTEN)) for _ in range(3)]
            assert {stream.replica for stream in held} == {each.address for each in proxies}
            two.drain()
            one.kill()
            await until_serving(replicas, other)
            for _ in range(3):
                assert await slot_free_again(replicas, transcribe, LISTEN) == other.address
            (leaving,) = [stream for stream in held if stream.replica == two.address]
            await leaving.send(stt_pb2.TranscribeRequest(finish=stt_pb2.TranscribeFinish()))
            assert [response async for response in leaving if response.HasField("word")] == []
        assert tally.failures == 0
