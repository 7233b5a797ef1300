"""The engine with a real model: Whisper tiny.en, out of a package that the extra `test` installs."""

import asyncio
import itertools
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path

import numpy as np
import pytest
import soxr

from mesh.audio import FRAME_BYTES, FRAME_S
from mesh.audio import SAMPLE_RATE as WORKING_RATE
from mesh.engines.weights import WeightsSettings, WeightStore
from mesh.errors import AtCapacity, InvalidRequest, UpstreamDown
from mesh.settings import SettingError
from mesh.tasks import beside
from stt_proxy.engine import Flushed, Recognizer
from stt_proxy.engines.whisper.engine import measured, whisper_engine
from stt_proxy.engines.whisper.model import WhisperModel
from stt_proxy.engines.whisper.models import MODELS
from stt_proxy.recognition import SAMPLE_RATE
from stt_proxy.windowed.engine import WindowedEngine
from tests.speech import cough, say, share_of_words
from tests.stt_proxy.hearing import Heard, frames, microphone, silence

TINY = MODELS["tiny.en"]
LIMIT_S = 100.0
FIRST = "There is nothing better than a cup of tea after work."
SECOND = "Do you think it will rain this afternoon?"


@pytest.fixture(autouse=True)
async def in_time() -> AsyncIterator[None]:
    async with asyncio.timeout(LIMIT_S):
        yield


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    settings = WeightsSettings(models_folder=str(tmp_path_factory.mktemp("models")), models_network=False)
    found = WeightStore(settings).find(TINY.weights)
    assert found is not None, "install the extra test"
    return found.folder


@pytest.fixture(scope="module")
def model(folder: Path) -> WhisperModel:
    return WhisperModel(folder, 1, TINY.shortest)


@pytest.fixture
async def engine(folder: Path) -> AsyncIterator[WindowedEngine]:
    async with whisper_engine(folder, shortest=TINY.shortest, streams=2) as running:
        yield running


async def heard(recognizer: Recognizer, pcm: bytes, *, flush_ids: tuple[int, ...] = ()) -> Heard:
    """All that is heard in a recording, which is sent as fast as it is taken."""

    async def speak() -> None:
        for frame in frames(pcm):
            await recognizer.send(frame)
        for flush_id in flush_ids:
            await recognizer.flush(flush_id)
        await recognizer.finish()

    async with beside(speak()):
        return Heard([event async for event in recognizer])


async def test_two_streams_at_once_are_recognised_by_one_model(engine: WindowedEngine) -> None:
    async with engine.open("en-GB") as one, engine.open("") as other:
        first, second = await asyncio.gather(
            heard(one, microphone(silence(1), say(FIRST), silence(1))),
            heard(other, microphone(silence(1), say(SECOND), silence(1))),
        )
        assert one.backlog_s < FRAME_S
    assert share_of_words(FIRST, first.text) >= 0.7, first.text
    assert share_of_words(SECOND, second.text) >= 0.7, second.text


async def test_every_frame_has_its_pause_and_words_are_in_order(engine: WindowedEngine) -> None:
    pcm = microphone(silence(1), say(FIRST), silence(1.5), say(SECOND), silence(1))
    async with engine.open("") as recognizer:
        events = await heard(recognizer, pcm, flush_ids=(7, 5))
    assert [each.heard_s for each in events.pauses] == pytest.approx(
        [FRAME_S * number for number in range(1, len(pcm) // FRAME_BYTES + 1)]
    )
    assert share_of_words(f"{FIRST} {SECOND}", events.text) >= 0.7, events.text
    starts = [word.start_s for word in events.words]
    assert starts == sorted(starts)
    assert all(word.start_s < word.end_s and " " not in word.text for word in events.words)
    assert [event for event in events.events if isinstance(event, Flushed)] == [Flushed(7), Flushed(5)]
    assert isinstance(events.events[-1], Flushed)


async def test_words_are_where_they_were_spoken(engine: WindowedEngine) -> None:
    quiet_s = 1.137
    async with engine.open("") as recognizer:
        events = await heard(recognizer, microphone(silence(quiet_s), say(FIRST), silence(1)))
    length_s = len(say(FIRST)) / WORKING_RATE
    assert events.words[0].start_s == pytest.approx(quiet_s, abs=0.2)
    assert events.words[-1].end_s == pytest.approx(quiet_s + length_s, abs=0.3)


async def test_noises_are_no_words(engine: WindowedEngine) -> None:
    hiss = np.random.default_rng(2).normal(0, 0.02, 3 * WORKING_RATE).astype(np.float32)
    async with engine.open("") as recognizer:
        events = await heard(recognizer, microphone(silence(1), cough(), silence(1), hiss, cough(3), silence(1)))
    assert events.text == ""
    assert events.partials in ([], [""])


async def test_capacity_is_exact(engine: WindowedEngine) -> None:
    async with AsyncExitStack() as streams:
        for _ in range(2):
            await streams.enter_async_context(engine.open(""))
        with pytest.raises(AtCapacity) as refusal:
            async with engine.open(""):
                pass
        assert refusal.value.retry_after
        await streams.aclose()
        async with engine.open(""), engine.open(""):
            pass


async def test_a_language_that_the_model_does_not_know_is_refused(engine: WindowedEngine) -> None:
    for tag in ("fr", "tlh"):
        with pytest.raises(InvalidRequest) as refusal:
            async with engine.open(tag):
                pass
        assert refusal.value.field == "config.language"


async def test_streams_that_are_given_up_leave_the_engine_as_it_was(engine: WindowedEngine) -> None:
    pcm = microphone(silence(0.5), say(SECOND), silence(1))
    for number in range(4):
        try:
            async with asyncio.timeout(0.3 * number), engine.open("") as recognizer:
                await heard(recognizer, pcm)
        except TimeoutError:
            pass
    async with engine.open("") as recognizer:
        events = await heard(recognizer, pcm)
    assert share_of_words(SECOND, events.text) >= 0.6, events.text


async def test_what_cannot_be_loaded_is_said(tmp_path: Path, folder: Path) -> None:
    with pytest.raises(UpstreamDown, match="cannot be loaded"):
        await measured(tmp_path)
    for file in TINY.weights.files:
        (tmp_path / file.name).write_bytes((folder / file.name).read_bytes()[:1_000_000])
    with pytest.raises(UpstreamDown, match="cannot be loaded"):
        await measured(tmp_path)


async def test_an_assumed_language_that_is_none(folder: Path) -> None:
    with pytest.raises(SettingError, match="PARLEY_STT_WHISPER_LANGUAGE=fr"):
        async with whisper_engine(folder, assumed_language="fr"):
            pass


class TestTheModel:
    def test_words_are_placed_and_scored(self, model: WhisperModel) -> None:
        samples = np.asarray(soxr.resample(say(FIRST), WORKING_RATE, SAMPLE_RATE), np.float32)
        hypothesis = model.decode(samples, "", "en")
        assert share_of_words(FIRST, " ".join(word.text for word in hypothesis.words)) >= 0.6
        assert hypothesis.score > -1
        assert hypothesis.no_speech < 0.5
        assert (hypothesis.language, hypothesis.certainty) == ("en", 1.0)
        for before, after in itertools.pairwise(hypothesis.words):
            assert before.start <= after.start
        assert hypothesis.words[-1].start <= len(samples)

    def test_a_decoding_that_repeats_itself_is_made_again_at_full_length(self, folder: Path) -> None:
        """Of windows this short, tiny.en says the same again and again."""
        hasty = WhisperModel(folder, 1, SAMPLE_RATE)
        samples = np.asarray(soxr.resample(say(SECOND), WORKING_RATE, SAMPLE_RATE), np.float32)
        text = " ".join(word.text for word in hasty.decode(samples, "", "en").words)
        assert share_of_words(SECOND, text) >= 0.6, text
        assert len(text.split()) <= 12

    def test_silence_of_any_length_is_taken(self, model: WhisperModel) -> None:
        for samples in (1, 160, 30 * SAMPLE_RATE):
            model.decode(np.zeros(samples, np.float32), "", "en")
