"""The engine, and a stand-in that speaks the real wire: with fixed answers, and with Whisper tiny.en behind it."""

import asyncio
import io
import tempfile
import wave
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, get_type_hints

import numpy as np
import pytest
from openai.types.audio.transcription_create_params import TranscriptionCreateParamsNonStreaming
from prometheus_client import CollectorRegistry

from mesh.engines.lease_metrics import LeaseMetrics
from mesh.engines.server_urls import parse_urls
from mesh.engines.weights import WeightsSettings, WeightStore
from mesh.errors import AtCapacity, MeshError, UpstreamDown, UpstreamMisconfigured
from mesh.pool import Options
from mesh.tasks import beside
from standins.faults import Close, Full, Garbage, Http, Silent
from stt_proxy.engine import Flushed, Recognizer
from stt_proxy.engines.openai.engine import openai_transcription_engine
from stt_proxy.engines.whisper.model import WhisperModel
from stt_proxy.engines.whisper.models import MODELS
from stt_proxy.recognition import SAMPLE_RATE
from stt_proxy.windowed.remote import RemoteTranscriptionEngine
from tests.natural_speech import say_naturally
from tests.openai_audio.server import AudioOptions, AudioServer
from tests.speech import say, share_of_words
from tests.stt_proxy.hearing import Heard, frames, microphone, silence

LIMIT_S = 60.0
TINY = MODELS["tiny.en"]
SENTENCE = "There is nothing better than a cup of tea after work."


@pytest.fixture(autouse=True)
async def in_time() -> AsyncIterator[None]:
    async with asyncio.timeout(LIMIT_S):
        yield


@asynccontextmanager
async def opened(
    *servers: AudioServer, key: str = "", language: str = "", streams: int = 4, limit_s: float = 5.0
) -> AsyncIterator[RemoteTranscriptionEngine]:
    async with openai_transcription_engine(
        parse_urls(server.url for server in servers),
        key=key,
        model="whisper-1",
        language=language,
        streams=streams,
        flush_limit_s=2.0,
        options=Options(most_leases=4, try_limit_s=limit_s, search_limit_s=limit_s),
        meter=LeaseMetrics("stt", 4, CollectorRegistry()),
        probed_every_s=0.05,
    ) as engine:
        yield engine


@asynccontextmanager
async def one(**options: Any) -> AsyncIterator[tuple[AudioServer, RemoteTranscriptionEngine]]:
    async with AudioServer(AudioOptions(**options)).serving() as server, opened(server) as engine:
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

    def transcribe(file: bytes) -> dict[str, Any]:
        with wave.open(io.BytesIO(file)) as sound:
            assert (sound.getnchannels(), sound.getframerate(), sound.getsampwidth()) == (1, SAMPLE_RATE, 2)
            samples = (np.frombuffer(sound.readframes(sound.getnframes()), "<i2") / 32_768).astype(np.float32)
        words = model.decode(samples, "en", "").words
        timed = [{"word": w.text, "start": w.start / SAMPLE_RATE, "end": w.end / SAMPLE_RATE} for w in words]
        return {"text": " ".join(w.text for w in words), "words": timed}

    async with (
        AudioServer().serving() as server,
        opened(server, limit_s=50.0) as engine,
        engine.open("en-GB") as recognizer,
    ):
        server.transcribe = transcribe
        told = await heard(recognizer, natural_speech())
    assert share_of_words(SENTENCE, told.text) >= 0.8, told.text
    assert Flushed(7) in told.events
    assert [word.start_s for word in told.words] == sorted(word.start_s for word in told.words)
    assert ("language", "en") in server.transcriptions[0].fields


async def test_requests_are_of_the_client_packages_shape() -> None:
    async with one(transcript={"text": "tea"}) as (server, engine), engine.open("") as recognizer:
        await heard(recognizer, speech())
    fields = server.transcriptions[0].fields
    names = {name.removesuffix("[]") for name, _ in fields} | {"file"}
    assert names <= get_type_hints(TranscriptionCreateParamsNonStreaming).keys()
    assert TranscriptionCreateParamsNonStreaming.__required_keys__ <= names
    assert ("timestamp_granularities[]", "word") in fields
    assert ("response_format", "verbose_json") in fields
    assert "language" not in names
    assert server.transcriptions[0].filename == "speech.wav"


async def test_a_text_without_times_is_enough() -> None:
    async with one(transcript={"text": "there is nothing better"}) as (_, engine), engine.open("") as recognizer:
        told = await heard(recognizer, speech())
    assert told.text == "there is nothing better"


async def test_a_model_that_gives_no_times_is_asked_without() -> None:
    async with one(transcript={"text": "tea"}, verbose=False) as (server, engine), engine.open("") as recognizer:
        told = await heard(recognizer, speech())
    assert told.text == "tea"
    assert [dict(each.fields)["response_format"] for each in server.transcriptions][-1] == "json"


async def test_a_wrong_key_is_told_at_once() -> None:
    async with AudioServer(AudioOptions(keys=("right",))).serving() as server, opened(server, key="wrong") as engine:
        assert not engine.available
        assert isinstance(await failure(engine), UpstreamMisconfigured)
        assert not server.transcriptions


async def test_a_model_that_is_not_there_is_a_setting_to_change() -> None:
    async with one(models=("tts-1",)) as (_, engine):
        assert isinstance(await failure(engine), UpstreamMisconfigured)


@pytest.mark.parametrize("fault", [Full(), Http(status=503), Garbage(), Close(how="reset")])
async def test_a_server_that_fails_is_lost_to_the_stream_and_not_to_the_next(fault: Any) -> None:
    async with one(transcript={"text": "tea"}) as (server, engine):
        server.break_down(fault)
        assert isinstance(await failure(engine), UpstreamDown)
        server.recover()
        for _ in range(50):
            await asyncio.sleep(0.1)
            try:
                async with engine.open("") as recognizer:
                    assert (await heard(recognizer, speech())).text == "tea"
                    return
            except MeshError:
                continue
        pytest.fail("the server is never tried again")


async def test_a_server_that_says_nothing_is_lost_in_time() -> None:
    async with AudioServer().serving() as server, opened(server, limit_s=0.3) as engine:
        server.break_down(Silent())
        assert isinstance(await failure(engine), UpstreamDown)


async def test_another_server_transcribes_what_one_does_not() -> None:
    options = AudioOptions(transcript={"text": "tea"})
    async with AudioServer(options).serving() as full, AudioServer(options).serving() as free:
        full.break_down(Full())
        async with opened(full, free) as engine, engine.open("") as recognizer:
            assert (await heard(recognizer, speech())).text == "tea"


async def test_silence_is_sent_to_nobody() -> None:
    async with one() as (server, engine), engine.open("") as recognizer:
        told = await heard(recognizer, microphone(silence(3.0)))
        assert not told.words
        assert not server.transcriptions


async def test_more_streams_than_there_is_room_for_are_refused() -> None:
    async with AudioServer().serving() as server, opened(server, streams=1) as engine, engine.open(""):
        with pytest.raises(AtCapacity):
            async with engine.open(""):
                pass
