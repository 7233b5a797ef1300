"""The engine, and servers made of `wyoming`'s own classes: with fixed answers, and with Whisper tiny.en behind them."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from mesh.engines.lease_metrics import LeaseMetrics
from mesh.engines.weights import WeightsSettings, WeightStore
from mesh.errors import MeshError, UpstreamDown, UpstreamMisconfigured
from mesh.pool import Options
from mesh.tasks import beside
from stt_proxy.engine import Flushed, Recognizer
from stt_proxy.engines.whisper.model import WhisperModel
from stt_proxy.engines.whisper.models import MODELS
from stt_proxy.engines.wyoming.engine import wyoming_transcription_engine
from stt_proxy.windowed.remote import RemoteTranscriptionEngine
from tests.natural_speech import say_naturally
from tests.speech import say, share_of_words
from tests.stt_proxy.hearing import Heard, frames, microphone, silence
from tests.wyoming_client.server import WyomingServer, running
from wyoming_client.settings import parse_urls

LIMIT_S = 60.0
TINY = MODELS["tiny.en"]
SENTENCE = "There is nothing better than a cup of tea after work."


@pytest.fixture(autouse=True)
async def in_time() -> AsyncIterator[None]:
    async with asyncio.timeout(LIMIT_S):
        yield


@asynccontextmanager
async def one(**does: Any) -> AsyncIterator[tuple[WyomingServer, RemoteTranscriptionEngine]]:
    async with (
        running(WyomingServer(**does)) as server,
        wyoming_transcription_engine(
            parse_urls([server.url]),
            model="",
            language="",
            streams=4,
            flush_limit_s=2.0,
            answer_limit_s=0.5 if does.get("fault") else 30.0,
            options=Options(most_leases=2, try_limit_s=1.0, search_limit_s=2.0),
            meter=LeaseMetrics("stt", 2, CollectorRegistry()),
            probed_every_s=0.05,
        ) as engine,
    ):
        yield server, engine


async def heard(recognizer: Recognizer, pcm: bytes) -> Heard:
    async def speak() -> None:
        for frame in frames(pcm):
            await recognizer.send(frame)
        await recognizer.flush(7)
        await recognizer.finish()

    async with beside(speak()):
        return Heard([event async for event in recognizer])


def speech() -> bytes:
    return microphone(silence(0.5), say(SENTENCE), silence(1.0))


def natural_speech() -> bytes:
    return microphone(silence(0.5), *say_naturally(SENTENCE), silence(1.0))


async def failure(engine: RemoteTranscriptionEngine) -> MeshError:
    with pytest.raises(MeshError) as caught:
        async with engine.open("") as recognizer:
            await heard(recognizer, speech())
    return caught.value


async def test_speech_is_recognised_by_a_real_model_behind_the_wire() -> None:
    found = WeightStore(WeightsSettings(models_folder=tempfile.gettempdir(), models_network=False)).find(TINY.weights)
    assert found is not None, "install the extra test"
    model = WhisperModel(found.folder, 1, TINY.shortest)

    def transcribe(pcm: bytes) -> str:
        samples = (np.frombuffer(pcm, "<i2") / 32_768).astype(np.float32)
        return " ".join(word.text for word in model.decode(samples, "en", "").words)

    async with one(transcribe=transcribe) as (server, engine), engine.open("en-GB") as recognizer:
        told = await heard(recognizer, natural_speech())
    assert share_of_words(SENTENCE, told.text) >= 0.8, told.text
    assert Flushed(7) in told.events
    starts = [word.start_s for word in told.words]
    assert starts == sorted(starts)
    assert 0.3 < starts[0] < 1.2
    assert server.heard[0][0].language == "en"
    assert server.heard[0][0].name is None


async def test_a_stream_without_a_language_names_none() -> None:
    async with one() as (server, engine), engine.open("") as recognizer:
        assert (await heard(recognizer, speech())).text == "tea"
    assert server.heard[0][0].language is None


@pytest.mark.parametrize("fault", ["error", "dies", "stalls", "garbage", "huge"])
async def test_a_server_that_fails_is_lost(fault: str) -> None:
    async with one(fault=fault) as (server, engine):
        error = await failure(engine)
        assert isinstance(error, UpstreamDown)
        assert "secret" not in error.message
        server.fault = ""
        async with engine.open("") as recognizer:
            assert (await heard(recognizer, speech())).text == "tea"


async def test_a_server_that_does_not_transcribe_is_a_setting_to_change() -> None:
    async with one(asr=False) as (_, engine):
        assert not engine.available
        assert isinstance(await failure(engine), UpstreamMisconfigured)
