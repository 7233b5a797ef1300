"""The embedded cloning engine: the voice it makes must sound like the recording."""

import asyncio
import contextlib
import random

import numpy as np
import pytest
import soxr

from mesh.errors import BadAudio
from tests.voice_service.analysis.media import made
from tests.voice_service.harness import opus, spoken, wav, wav_of
from tts_proxy.engines.espeak.library import Prosody, library
from tts_proxy.engines.espeak.voices import Voices, cloned_prosody
from voice_service.analysis import process
from voice_service.analysis.features import VoiceFeatures, features_of
from voice_service.analysis.recording import SAMPLE_RATE
from voice_service.engines.espeak import EspeakCloning, embedding_for

PEOPLE = [
    Prosody("gmw/en-US", pitch=12, pitch_range=30, rate=150),
    Prosody("gmw/en-US", pitch=50, pitch_range=20),
    Prosody("gmw/en-US", pitch=90, pitch_range=80, rate=220),
    Prosody("gmw/en-US+m3", pitch=40),
    Prosody("gmw/en-US+f3", pitch=20),
    Prosody("gmw/en-US+f3", pitch=60, pitch_range=30, rate=140),
    Prosody("gmw/en-US+f3", pitch=85, pitch_range=60, rate=200),
    Prosody("gmw/en-US+f5"),
]


def heard(prosody: Prosody) -> VoiceFeatures:
    samples, sample_rate = spoken(prosody)
    return features_of(soxr.resample(samples, sample_rate, SAMPLE_RATE), SAMPLE_RATE)


async def cloned(recording: bytes) -> Prosody:
    """How eSpeak speaks like the recording; both halves of the embedding's format are real."""
    return cloned_prosody(await EspeakCloning().clone(recording), Voices(library(), "en-us"))


@pytest.mark.parametrize("person", PEOPLE)
async def test_the_clone_speaks_as_high_as_lively_and_as_fast(person: Prosody) -> None:
    wanted, got = heard(person), heard(await cloned(wav(*spoken(person))))
    assert got.pitch_hz == pytest.approx(wanted.pitch_hz, rel=0.08)
    assert got.spread_hz == pytest.approx(wanted.spread_hz, rel=0.3, abs=5)
    assert got.syllables_per_s == pytest.approx(wanted.syllables_per_s, rel=0.15)


async def test_a_recording_played_faster_is_a_higher_and_faster_voice() -> None:
    samples, sample_rate = spoken(Prosody("gmw/en-US"))
    as_it_is = heard(await cloned(wav(samples, sample_rate)))
    faster = heard(await cloned(wav(samples, int(sample_rate * 1.25))))
    assert faster.pitch_hz == pytest.approx(1.25 * as_it_is.pitch_hz, rel=0.08)
    assert faster.syllables_per_s > as_it_is.syllables_per_s


@pytest.mark.parametrize("pitch_hz", [61, 75, 149, 151, 400])
@pytest.mark.parametrize("spread_hz", [0, 40, 300])
@pytest.mark.parametrize("syllables_per_s", [0.0, 4.5, 15.0])
def test_parameters_stay_within_limits(pitch_hz: float, spread_hz: float, syllables_per_s: float) -> None:
    found = embedding_for(VoiceFeatures(pitch_hz=pitch_hz, spread_hz=spread_hz, syllables_per_s=syllables_per_s))
    assert 0 <= found.pitch <= 99
    assert 0 <= found.pitch_range <= 100
    assert 120 <= found.rate <= 240


async def test_what_cannot_be_decoded_is_refused_with_the_reason() -> None:
    with pytest.raises(BadAudio, match="cannot be used: it is no audio file"):
        await EspeakCloning().clone(b"hello")


async def test_who_says_nothing_is_refused_with_the_reason() -> None:
    with pytest.raises(BadAudio, match=r"less than 0\.5 s of voice"):
        await EspeakCloning().clone(wav(np.zeros(48_000, np.float32), 24_000))


@pytest.mark.parametrize("hertz", [0, 0xFFFFFFFF])
async def test_a_decoder_that_crashes_takes_nobody_along(hertz: int) -> None:
    """Decoders may crash on such rates, or ask for 515 GB."""
    with pytest.raises(BadAudio, match="cannot be used"):
        await EspeakCloning().clone(wav_of(1, 16, hertz, bytes(4_000)))


async def test_damaged_recordings_are_cloned_or_refused() -> None:
    engine, chance = EspeakCloning(), random.Random(20)  # noqa: S311 - the same damage each time
    whole = [wav(*spoken(PEOPLE[0])), opus(3), wav_of(3, 32, 24_000, bytes(48_000), channels=3)]
    whole += [made(*each) for each in (("ipod", "aac", 44_100), ("webm", "libopus", 48_000), ("mp3", "mp3", 44_100))]

    async def tried() -> None:
        for _ in range(15):
            with contextlib.suppress(BadAudio):
                assert await engine.clone(damaged(chance.choice(whole), chance))

    await asyncio.gather(tried(), tried())


def damaged(recording: bytes, chance: random.Random) -> bytes:
    """The recording with some bytes changed, mostly in its header, and sometimes cut off."""
    bytes_ = bytearray(recording)
    for _ in range(chance.randint(1, 12)):
        bytes_[chance.randrange(chance.choice((60, len(bytes_))))] = chance.choice((0, 1, 0x7F, 0x80, 0xFF))
    return bytes(bytes_[: chance.choice((len(bytes_), chance.randrange(len(bytes_))))])


@pytest.mark.unmute("B19")
async def test_one_that_takes_too_long_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(process, "ANALYSIS_LIMIT_S", 0.001)
    with pytest.raises(BadAudio, match="takes too long"):
        await process._ran("features", wav(*spoken(PEOPLE[0])))


async def test_giving_up_ends_the_analysis() -> None:
    """Two at once take turns, so the second one's turn comes only if the first ones' processes are gone."""
    engine = EspeakCloning()
    recording = wav(*spoken(PEOPLE[0]))
    given_up = [asyncio.create_task(engine.clone(recording)) for _ in range(4)]
    await asyncio.sleep(0)
    for task in given_up:
        task.cancel()
    await asyncio.gather(*given_up, return_exceptions=True)
    assert await engine.clone(recording)
