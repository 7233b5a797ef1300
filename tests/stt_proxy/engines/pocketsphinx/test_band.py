import numpy as np
import pytest

from stt_proxy.engines.pocketsphinx.band import filled
from stt_proxy.engines.pocketsphinx.tape import Samples
from stt_proxy.recognition import FRAME, SAMPLE_RATE


def tone(hertz: float, rms: float, length: int = FRAME) -> Samples:
    times = np.arange(length) / SAMPLE_RATE
    return np.asarray(rms * np.sqrt(2) * np.sin(2 * np.pi * hertz * times), np.float32)


def above_4_khz(samples: Samples) -> float:
    """RMS."""
    spectrum = np.fft.rfft(samples * np.hanning(len(samples)))
    spectrum[: len(spectrum) // 2] = 0
    return float(np.sqrt(np.mean(np.fft.irfft(spectrum) ** 2) * 8 / 3))


@pytest.mark.parametrize("length", [FRAME, 9_600, 333])
@pytest.mark.parametrize("loudness", [0.0, 0.001, 0.1])
def test_an_empty_upper_band_gets_faint_noise(length: int, loudness: float) -> None:
    heard = filled(tone(1_000, loudness, length))
    assert above_4_khz(heard) == pytest.approx(3.8e-4, rel=0.3)


@pytest.mark.parametrize("hertz", [4_500, 6_000, 7_500])
def test_sound_in_the_upper_band_is_left_alone(hertz: float) -> None:
    heard = tone(300, 0.03) + tone(hertz, 5e-4)
    np.testing.assert_array_equal(filled(heard), heard)


def test_the_noise_of_a_room_is_enough() -> None:
    room = np.random.default_rng(1).normal(0, 1e-3, FRAME).astype(np.float32)
    np.testing.assert_array_equal(filled(room), room)


def test_nothing_stays_nothing() -> None:
    assert len(filled(np.empty(0, np.float32))) == 0
