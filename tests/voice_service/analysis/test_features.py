"""How somebody speaks, told from eSpeak's speech, whose parameters are known, and from sounds that are no speech."""

import numpy as np
import pytest

from tests.voice_service.harness import spoken, wav
from tts_proxy.engines.espeak.library import Prosody
from voice_service.analysis.containers import Unusable
from voice_service.analysis.features import VoiceFeatures, features_of
from voice_service.analysis.recording import SAMPLE_RATE, decoded


def features(prosody: Prosody) -> VoiceFeatures:
    return features_of(decoded(wav(*spoken(prosody))), SAMPLE_RATE)


@pytest.mark.parametrize("hertz", [70, 110, 150, 220, 300, 380])
def test_the_pitch_of_a_buzz_is_its_frequency(hertz: int) -> None:
    times = np.arange(2 * SAMPLE_RATE) / SAMPLE_RATE
    buzz = sum(np.sin(2 * np.pi * hertz * harmonic * times) / harmonic for harmonic in range(1, 8))
    found = features_of(np.asarray(0.2 * buzz, np.float32), SAMPLE_RATE)
    assert found.pitch_hz == pytest.approx(hertz, rel=0.02)
    assert found.spread_hz == pytest.approx(0, abs=1)


@pytest.mark.parametrize("voice", ["gmw/en-US", "gmw/en-US+f3"])
def test_pitch_melody_and_pace_are_told_apart(voice: str) -> None:
    plain = features(Prosody(voice))
    higher = features(Prosody(voice, pitch=80))
    livelier = features(Prosody(voice, pitch_range=90))
    faster = features(Prosody(voice, rate=220))
    assert higher.pitch_hz > 1.2 * plain.pitch_hz
    assert livelier.spread_hz > 1.5 * plain.spread_hz
    assert faster.syllables_per_s > 1.1 * plain.syllables_per_s
    assert faster.pitch_hz == pytest.approx(plain.pitch_hz, rel=0.05)
    assert higher.syllables_per_s == pytest.approx(plain.syllables_per_s, rel=0.05)


def test_loudness_makes_no_difference() -> None:
    samples, sample_rate = spoken(Prosody("gmw/en-US"))
    loud, quiet = (features_of(decoded(wav(level * samples, sample_rate)), SAMPLE_RATE) for level in (0.9, 0.05))
    assert quiet.pitch_hz == pytest.approx(loud.pitch_hz, rel=0.02)
    assert quiet.syllables_per_s == pytest.approx(loud.syllables_per_s, rel=0.05)


@pytest.mark.parametrize("seconds", [0, 0.01, 0.2, 5])
def test_silence_is_nobody(seconds: float) -> None:
    with pytest.raises(Unusable, match=r"less than 0\.5 s of voice"):
        features_of(np.zeros(int(seconds * SAMPLE_RATE), np.float32), SAMPLE_RATE)


def test_noise_is_nobody() -> None:
    noise = np.random.default_rng(1).normal(0, 0.1, 5 * SAMPLE_RATE).astype(np.float32)
    with pytest.raises(Unusable):
        features_of(noise, SAMPLE_RATE)
