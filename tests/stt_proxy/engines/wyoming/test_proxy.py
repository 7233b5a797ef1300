"""Speech through the proxy, to servers made of `wyoming`'s own classes: well ones, slow ones, broken ones."""

import asyncio
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from mesh.errors import AtCapacity, UpstreamDown, UpstreamMisconfigured
from parley.stt.v1 import stt_pb2 as pb
from tests.stt_proxy.engines.wyoming.test_engine import one, speech
from tests.stt_proxy.proxy import Proxy, audio, config, finish, flush, kinds, next_of, serving
from tests.wyoming_client.server import WyomingServer


@asynccontextmanager
async def proxied(**does: Any) -> AsyncIterator[tuple[WyomingServer, Proxy]]:
    async with one(**does) as (server, engine), serving(engine) as proxy:
        yield server, proxy


async def said(proxy: Proxy, *, language: str = "") -> list[pb.TranscribeResponse]:
    """What comes back for some speech and a flush."""
    # In one piece: who still writes to a call that has just failed is not told why it did.
    return await proxy.told(config(language=language), audio(speech()), flush(7), finish())


def text(responses: list[pb.TranscribeResponse]) -> str:
    return " ".join(each.word.text for each in responses if each.HasField("word"))


async def test_speech_is_heard_and_a_flush_answered_after_its_words() -> None:
    async with proxied(transcribe=lambda _: "a cup of tea") as (server, proxy):
        responses = await said(proxy, language="en-GB")
    assert text(responses) == "a cup of tea"
    assert [each.flushed.flush_id for each in responses if each.HasField("flushed")] == [7]
    came = kinds(responses)
    assert "word" not in came[came.index("flushed") :]
    assert server.heard[0][0].language == "en"


async def test_callers_are_told_how_long_a_flush_may_take() -> None:
    async with proxied() as (_, proxy):
        call = proxy.call()
        await call.write(config())
        response = await next_of(call)
        call.cancel()
    assert response.started.flush_limit.seconds == 2


async def test_a_slow_server_delays_words_and_loses_none() -> None:
    def slow(_: bytes) -> str:
        time.sleep(0.6)
        return "a cup of tea"

    async with proxied(transcribe=slow) as (_, proxy):
        assert text(await said(proxy)) == "a cup of tea"


@pytest.mark.parametrize("fault", ["error", "dies", "stalls", "garbage", "huge"])
async def test_a_server_that_fails_ends_the_stream_and_serves_the_next(fault: str) -> None:
    async with proxied(fault=fault) as (server, proxy):
        with pytest.raises(UpstreamDown) as caught:
            await said(proxy)
        assert "secret" not in caught.value.message
        server.fault = ""
        assert text(await said(proxy)) == "tea"


async def test_more_streams_than_are_wanted_are_refused_before_they_start() -> None:
    async with proxied() as (_, proxy):
        calls = await asyncio.gather(*(proxy.opened() for _ in range(4)))
        with pytest.raises(AtCapacity):
            await proxy.opened()
        for call in calls:
            call.cancel()


async def test_a_server_that_does_not_transcribe_is_told_before_the_start() -> None:
    async with proxied(asr=False) as (_, proxy):
        with pytest.raises(UpstreamMisconfigured):
            await proxy.opened()
