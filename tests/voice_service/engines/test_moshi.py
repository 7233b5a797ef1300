"""Cloning by moshi-server, over its real wire."""

import io
import random
import wave
from collections.abc import AsyncIterator
from pathlib import Path

import numpy as np
import pytest

from mesh.engines.server_urls import parse_urls
from mesh.errors import BadAudio, MeshError, UploadTooLarge, UpstreamDown
from tests.fakes.cloning import FakeCloning
from tests.fakes.llm import serving
from tests.missing import without
from tests.voice_service.analysis.media import made
from tests.voice_service.harness import spoken, wav, wav_of
from tts_proxy.engines.espeak.library import Prosody
from voice_service.engine import LARGEST_EMBEDDING
from voice_service.engines import moshi
from voice_service.engines.moshi import MoshiCloning

SPEECH = spoken(Prosody("gmw/en-US"))
RECORDING = wav(*SPEECH)
RUBBISH = random.Random(1).randbytes(1 << 20)  # noqa: S311 - the same each time


@pytest.fixture
def fake() -> FakeCloning:
    return FakeCloning()


@pytest.fixture
async def engine(fake: FakeCloning) -> AsyncIterator[MoshiCloning]:
    # As Unmute's settings have it.
    async with serving(fake) as url, MoshiCloning(parse_urls([url.replace("http://", "ws://")])) as engine:
        yield engine


def channels_of(recording: bytes) -> tuple[int, int, float]:
    """Number of channels, sample rate and seconds of a WAV file."""
    with wave.open(io.BytesIO(recording)) as file:
        return file.getnchannels(), file.getframerate(), file.getnframes() / file.getframerate()


async def test_the_answer_passes_byte_for_byte(fake: FakeCloning, engine: MoshiCloning) -> None:
    assert await engine.clone(RECORDING) == fake.answer
    assert fake.content_types == ["application/octet-stream"]
    assert len(fake.answer) > 300_000


async def test_the_server_is_sent_plain_speech(fake: FakeCloning, engine: MoshiCloning) -> None:
    samples, rate = SPEECH
    late_on_the_right = np.zeros((40 * rate + len(samples), 2), "<i2")
    late_on_the_right[40 * rate :, 1] = samples * 32_767
    for recording in (
        RECORDING,
        made("ipod", "aac", 44_100, sound=SPEECH),
        wav_of(1, 16, rate, late_on_the_right.tobytes(), channels=2),
    ):
        await engine.clone(recording)
        channels, hertz, seconds = channels_of(fake.recordings[-1])
        assert (channels, hertz) == (1, 24_000)
        assert seconds == pytest.approx(len(samples) / rate, abs=0.6)


async def test_a_recording_that_cannot_be_decoded_here_is_left_to_the_server(
    fake: FakeCloning, engine: MoshiCloning, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    recording = made("ipod", "aac", 44_100, sound=SPEECH)
    without(monkeypatch, tmp_path, "av")
    await engine.clone(recording)
    assert fake.recordings == [recording]


async def test_what_is_no_recording_does_not_reach_the_server(fake: FakeCloning, engine: MoshiCloning) -> None:
    for rubbish in (b"hello", bytes(100_000), RUBBISH):
        with pytest.raises(BadAudio):
            await engine.clone(rubbish)
    assert not fake.recordings


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (500, b"", BadAudio),
        (200, b"", BadAudio),
        (413, b"length limit exceeded", UploadTooLarge),
        (404, b"", UpstreamDown),
        (503, b"", UpstreamDown),
        (200, b"<html>", UpstreamDown),
        (200, b"\x83\xa4type\xa5Voice" + bytes(LARGEST_EMBEDDING), UpstreamDown),
    ],
)
async def test_other_answers(
    fake: FakeCloning, engine: MoshiCloning, status: int, answer: bytes, error: type[MeshError]
) -> None:
    fake.status, fake.answer = status, answer
    with pytest.raises(error):
        await engine.clone(RECORDING)


@pytest.mark.unmute("B19")
async def test_a_server_that_says_nothing(
    fake: FakeCloning, engine: MoshiCloning, monkeypatch: pytest.MonkeyPatch
) -> None:
    del engine
    fake.answers = False
    monkeypatch.setattr(moshi, "ANSWER_LIMIT_S", 0.2)
    async with serving(fake) as url, MoshiCloning(parse_urls([url])) as impatient:
        with pytest.raises(UpstreamDown, match="did not answer in time"):
            await impatient.clone(RECORDING)


async def test_a_server_that_is_not_there() -> None:
    async with MoshiCloning(parse_urls(["http://127.0.0.1:9"])) as engine:
        assert not await engine.works()
        with pytest.raises(UpstreamDown, match="cannot be reached"):
            await engine.clone(RECORDING)


async def test_it_works_when_the_server_says_so(fake: FakeCloning, engine: MoshiCloning) -> None:
    assert await engine.works()
    fake.status = 500
    assert not await engine.works()


async def test_of_several_servers_one_that_is_in_order_is_enough(fake: FakeCloning) -> None:
    broken = FakeCloning()
    async with (
        serving(fake) as url,
        serving(broken) as other,
        MoshiCloning(parse_urls([other, "http://127.0.0.1:9", "http://no-such-host.invalid", url])) as engine,
    ):
        broken.status = 503  # it was in order when it was asked
        while not broken.recordings:  # they are taken in any order
            assert await engine.clone(RECORDING) == fake.answer
        assert await engine.works()


async def test_what_is_no_audio_is_no_audio_everywhere(fake: FakeCloning) -> None:
    fake.status, fake.answer = 500, b""
    async with serving(fake) as url, MoshiCloning(parse_urls([url, url.replace("127.0.0.1", "localhost")])) as engine:
        with pytest.raises(BadAudio):
            await engine.clone(RECORDING)
    assert len(fake.recordings) == 1
