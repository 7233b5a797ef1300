"""Replies spoken with custom voices, which a real voice service keeps."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

import numpy as np
import pytest
import soxr

from mesh.audio import SAMPLE_RATE as WORKING_RATE
from mesh.discovery.search import Replicas
from mesh.rpc.server import GrpcServer
from tests.fakes.cloning import FakeCloning
from tests.fakes.llm import serving as serving_http
from tests.tts_proxy.proxy import Reply, config, finish, serving, text
from tests.voice_service.harness import Client, client_of, spoken, voice_service, wav
from tts_proxy.engines.espeak.library import Prosody
from tts_proxy.voices import Voices
from voice_service.analysis.features import VoiceFeatures, features_of
from voice_service.analysis.recording import SAMPLE_RATE

WORDS = "Good morning to you all, and welcome to our little house. The kettle is on the stove already."
LOW, HIGH = Prosody("gmw/en-US", pitch=20), Prosody("gmw/en-US+f3", pitch=75)
GONE = "custom:00000000-0000-4000-8000-000000000000"


@pytest.fixture
async def voices() -> AsyncIterator[GrpcServer]:
    async with voice_service() as server:
        yield server


@pytest.fixture
async def client(voices: GrpcServer) -> AsyncIterator[Client]:
    async with client_of(voices.address) as connected:
        yield connected


def recorded(prosody: Prosody) -> bytes:
    return wav(*spoken(prosody, WORDS))


def heard(reply: Reply) -> VoiceFeatures:
    """How the reply is spoken."""
    samples = np.frombuffer(b"".join(reply.frames), "<i2") / np.float32(32_768)
    return features_of(soxr.resample(samples, WORKING_RATE, SAMPLE_RATE), SAMPLE_RATE)


def wanted(prosody: Prosody) -> VoiceFeatures:
    samples, sample_rate = spoken(prosody, WORDS)
    return features_of(soxr.resample(samples, sample_rate, SAMPLE_RATE), SAMPLE_RATE)


async def test_replies_sound_like_the_recordings_also_by_turns(voices: GrpcServer, client: Client) -> None:
    ids = [(await client.create(recorded(person))).voice_id for person in (LOW, HIGH)]
    async with serving(voices_target=voices.address) as proxy:
        replies = await asyncio.gather(
            *(proxy.reply(config(ids[turn % 2]), text(WORDS), finish()) for turn in range(4))
        )
    for turn, reply in enumerate(replies):
        assert not reply.responses[0].started.HasField("voice_replaced")
        assert heard(reply).pitch_hz == pytest.approx(wanted((LOW, HIGH)[turn % 2]).pitch_hz, rel=0.06)


async def test_a_voice_that_is_gone_is_replaced_and_told_so(voices: GrpcServer) -> None:
    async with serving(voices_target=voices.address) as proxy:
        reply = await proxy.reply(config(GONE), text("Hello."), finish())
    replaced = reply.responses[0].started.voice_replaced
    assert (replaced.reason, reply.kinds[-1]) == ("VOICE_NOT_FOUND", "finished")
    assert replaced.message == "That custom voice is not kept any longer; I am using another."


async def test_a_voice_made_for_another_engine_is_replaced() -> None:
    async with (
        serving_http(FakeCloning()) as url,
        voice_service(cloning_urls=url) as voices,
        client_of(voices.address) as client,
        serving(voices_target=voices.address) as proxy,
    ):
        voice = await client.create(recorded(LOW))
        reply = await proxy.reply(config(voice.voice_id), text("Hello."), finish())
    assert reply.responses[0].started.voice_replaced.reason == "VOICE_OF_ANOTHER_ENGINE"
    assert reply.text == "Hello."


async def test_an_embedding_that_makes_no_sense_is_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("voice_service.engines.moshi.MoshiCloning.name", "espeak")
    async with (
        serving_http(FakeCloning()) as url,
        voice_service(cloning_urls=url) as voices,
        client_of(voices.address) as client,
        serving(voices_target=voices.address) as proxy,
    ):
        voice = await client.create(recorded(LOW))
        reply = await proxy.reply(config(voice.voice_id), text("Hello."), finish())
    assert reply.responses[0].started.voice_replaced.reason == "VOICE_NOT_FOUND"


async def test_without_a_voice_service_replies_are_spoken_all_the_same() -> None:
    async with serving(voices_target="127.0.0.1:9") as proxy:
        for _ in range(2):
            reply = await proxy.reply(config(GONE), text("Hello."), finish())
            assert reply.responses[0].started.voice_replaced.reason == "UPSTREAM_DOWN"
            assert reply.text == "Hello."


async def test_a_voice_that_was_fetched_outlives_the_voice_service() -> None:
    async with AsyncExitStack() as alive:
        voices = await alive.enter_async_context(voice_service())
        client = await alive.enter_async_context(client_of(voices.address))
        async with Replicas("voice service", voices.address) as replicas:
            voice = await client.create(recorded(LOW))
            custom = Voices(replicas, "espeak")
            first = await custom.choose(voice.voice_id)
            assert first.embedding
            await alive.aclose()
            assert await custom.choose(voice.voice_id) == first


async def test_what_is_cached_expires_with_the_voice() -> None:
    async with (
        voice_service(kept_for_s=1) as voices,
        client_of(voices.address) as client,
        Replicas("voice service", voices.address) as replicas,
    ):
        custom = Voices(replicas, "espeak")
        voice = await client.create(recorded(LOW))
        assert (await custom.choose(voice.voice_id)).embedding
        async with asyncio.timeout(10):
            while (chosen := await custom.choose(voice.voice_id)).embedding:  # noqa: ASYNC110 - only asking tells
                await asyncio.sleep(0.05)
        assert chosen.replaced
        assert chosen.replaced.reason == "VOICE_NOT_FOUND"


async def test_only_so_many_are_cached(voices: GrpcServer, client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("tts_proxy.voices.MOST_CACHED", 2)
    async with Replicas("voice service", voices.address) as replicas:
        custom = Voices(replicas, "espeak")
        ids = [(await client.create(recorded(LOW))).voice_id for _ in range(3)]
        for voice_id in (ids[0], ids[1], ids[0], ids[2]):
            await custom.choose(voice_id)
        assert set(custom._cache) == {ids[0], ids[2]}
