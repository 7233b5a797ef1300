"""Realtime transcription by a stand-in that speaks the real wire: with a fixed text, and Whisper tiny.en behind."""

import asyncio
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import numpy as np
import pytest
import soxr
from openai.types.realtime import RealtimeTranscriptionSessionCreateRequest
from prometheus_client import CollectorRegistry

from mesh.audio import SAMPLE_BYTES, SAMPLE_RATE
from mesh.engines.lease_metrics import LeaseMetrics
from mesh.engines.server_urls import parse_urls
from mesh.engines.weights import WeightsSettings, WeightStore
from mesh.errors import AtCapacity, MeshError, UpstreamDown, UpstreamMisconfigured
from mesh.pool import Options
from stt_proxy.engine import ENGINES, Flushed, Partial, Pause
from stt_proxy.engines.openai.realtime import RealtimeEngine, realtime_engine
from stt_proxy.engines.whisper.model import WhisperModel
from stt_proxy.engines.whisper.models import MODELS
from stt_proxy.recognition import SAMPLE_RATE as EAR_RATE
from tests.natural_speech import say_naturally
from tests.openai_audio.realtime import RealtimeServer
from tests.speech import share_of_words
from tests.stt_proxy.engines.openai.test_engine import SENTENCE, heard, natural_speech, speech
from tests.stt_proxy.hearing import frames, microphone, silence
from tests.stt_proxy.proxy import audio, config, finish, flush, serving

LIMIT_S = 60.0
TINY = MODELS["tiny.en"]


@pytest.fixture(autouse=True)
async def in_time() -> AsyncIterator[None]:
    async with asyncio.timeout(LIMIT_S):
        yield


@asynccontextmanager
async def opened(
    *servers: RealtimeServer, key: str = "", model: str = "whisper-1", limit_s: float = 5.0, streams: int = 4
) -> AsyncIterator[RealtimeEngine]:
    async with realtime_engine(
        parse_urls(server.url for server in servers),
        key=key,
        model=model,
        language="",
        flush_limit_s=2.0,
        options=Options(most_leases=streams, try_limit_s=limit_s, search_limit_s=limit_s),
        meter=LeaseMetrics("stt", streams, CollectorRegistry()),
        probed_every_s=0.05,
    ) as engine:
        yield engine


@asynccontextmanager
async def one(limit_s: float = 5.0, **faults: Any) -> AsyncIterator[tuple[RealtimeServer, RealtimeEngine]]:
    async with RealtimeServer(**faults).serving() as server, opened(server, limit_s=limit_s) as engine:
        yield server, engine


async def failure(engine: RealtimeEngine) -> MeshError:
    with pytest.raises(MeshError) as caught:
        async with engine.open("") as recognizer:
            await heard(recognizer, speech())
    return caught.value


async def test_speech_is_recognised_by_a_real_model_behind_the_wire() -> None:
    found = WeightStore(WeightsSettings(models_folder=tempfile.gettempdir(), models_network=False)).find(TINY.weights)
    assert found is not None, "install the extra test"
    model = WhisperModel(found.folder, 1, TINY.shortest)

    def says(pcm: bytes) -> str:
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / 32_768
        window = np.asarray(soxr.resample(samples, SAMPLE_RATE, EAR_RATE), np.float32)
        return " ".join(word.text for word in model.decode(window, "en", "").words)

    async with one(50.0, says=says) as (server, engine), engine.open("en-GB") as recognizer:
        told = await heard(recognizer, natural_speech())
    assert share_of_words(SENTENCE, told.text) >= 0.8, told.text
    assert [word.start_s for word in told.words] == sorted(word.start_s for word in told.words)
    assert server.sessions[0]["audio"]["input"]["transcription"]["language"] == "en"


async def test_what_is_sent_is_what_the_api_takes_and_only_what_is_speech() -> None:
    async with one() as (server, engine), engine.open("") as recognizer:
        pcm = microphone(silence(2.0), *say_naturally(SENTENCE), silence(2.0))
        told = await heard(recognizer, pcm)
    assert server.queries == [{"intent": ["transcription"], "model": ["whisper-1"]}]
    (session,) = server.sessions
    RealtimeTranscriptionSessionCreateRequest.model_validate(session, strict=True, extra="forbid")
    assert session["audio"]["input"]["turn_detection"] is None
    (utterance,) = server.utterances
    assert utterance in pcm
    assert len(utterance) < len(pcm) - 2 * SAMPLE_RATE * SAMPLE_BYTES
    assert told.text == "a cup of tea"
    assert all(2.0 <= word.start_s <= word.end_s <= 2.0 + len(utterance) / SAMPLE_RATE / 2 for word in told.words)
    assert told.events[-1] == Flushed(7)


async def test_words_come_before_the_flush_that_asks_for_them_and_guesses_before_the_words() -> None:
    async with one() as (_, engine), engine.open("") as recognizer:
        told = await heard(recognizer, speech())
    kinds = [type(each) for each in told.events if not isinstance(each, Pause)]
    assert kinds.index(Partial) < [each.text for each in told.events if isinstance(each, Partial)].index("a cup of tea")
    assert kinds[-1] is Flushed
    assert [each.text for each in told.events if isinstance(each, Partial)][-1] == ""


async def test_long_speech_is_committed_in_parts() -> None:
    """A turn of eight seconds without a word would count as noise."""
    async with one() as (server, engine), engine.open("") as recognizer:
        await heard(recognizer, microphone(silence(0.5), *say_naturally(SENTENCE) * 4, silence(1.0)))
    assert len(server.utterances) > 1
    assert max(len(each) for each in server.utterances) < 8 * SAMPLE_RATE * SAMPLE_BYTES


async def test_silence_is_sent_to_nobody() -> None:
    async with one() as (server, engine), engine.open("") as recognizer:
        told = await heard(recognizer, microphone(silence(3.0)))
    assert not server.utterances
    assert told.events[-1] == Flushed(7)


async def test_what_cannot_be_transcribed_has_no_words() -> None:
    async with one(fails=True) as (_, engine), engine.open("") as recognizer:
        told = await heard(recognizer, speech())
    assert not told.words
    assert told.events[-1] == Flushed(7)


@pytest.mark.parametrize("faults", [{"dies": True}, {"nonsense": "{"}, {"nonsense": '{"type": 7}'}])
async def test_a_server_that_dies_or_sends_nonsense_is_lost(faults: dict[str, Any]) -> None:
    async with one(**faults) as (_, engine):
        assert isinstance(await failure(engine), UpstreamDown)


async def test_a_server_that_owes_words_for_too_long_is_lost() -> None:
    async with one(1.0, mute=True) as (_, engine):
        error = await failure(engine)
    assert isinstance(error, UpstreamDown)
    assert "in time" in error.message


async def test_a_server_that_never_greets_is_not_used() -> None:
    async with one(0.5, greets=False) as (_, engine):
        assert isinstance(await failure(engine), UpstreamDown)


async def test_a_wrong_key_and_a_wrong_model_are_told() -> None:
    async with RealtimeServer(key="right").serving() as server:
        async with opened(server, key="wrong") as engine:
            assert isinstance(await failure(engine), UpstreamMisconfigured)
        async with opened(server, key="right", model="unknown") as engine:
            assert isinstance(await failure(engine), UpstreamMisconfigured)


async def test_a_full_server_is_passed_over_and_all_full_are_told() -> None:
    async with RealtimeServer(slots=0).serving() as full, RealtimeServer().serving() as free:
        async with opened(full, free) as engine, engine.open("") as recognizer:
            assert (await heard(recognizer, speech())).text == "a cup of tea"
        async with opened(full) as engine:
            assert isinstance(await failure(engine), AtCapacity)


async def test_more_streams_than_there_is_room_for_are_refused_and_a_stream_that_ends_gives_its_place_back() -> None:
    async with RealtimeServer().serving() as server, opened(server, streams=1) as engine:
        async with engine.open(""):
            with pytest.raises(AtCapacity):
                async with engine.open(""):
                    pass
        async with engine.open(""):
            pass
        await server.idle.wait()


async def test_through_the_proxy() -> None:
    async with one() as (_, engine), serving(engine) as proxy:
        sent = [audio(frame) for frame in frames(speech())]
        responses = await proxy.told(config(), *sent, flush(7), finish())
    assert [each.word.text for each in responses if each.HasField("word")] == ["a", "cup", "of", "tea"]
    assert [each.flushed.flush_id for each in responses if each.HasField("flushed")] == [7]


async def test_a_setting_chooses_it() -> None:
    async with RealtimeServer().serving() as server:
        settings = {"PARLEY_STT_OPENAI_URLS": server.url, "PARLEY_STT_OPENAI_REALTIME": "1"}
        async with ENGINES.choose(settings).open() as engine:
            assert isinstance(engine, RealtimeEngine)
