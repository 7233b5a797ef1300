import numpy as np
import pytest

from stt_proxy.engines.pocketsphinx.samples import with_noise_floor
from stt_proxy.recognition import FRAME, SAMPLE_RATE


@pytest.mark.parametrize("length", [FRAME, 9_600, SAMPLE_RATE + 1])
def test_silence_becomes_faint_noise_in_every_band(length: int) -> None:
    heard = with_noise_floor(np.zeros(length, np.float32))
    assert len(heard) == length
    assert np.sqrt(np.mean(heard**2)) == pytest.approx(4e-4, rel=0.1)
    eighths = np.array_split(np.abs(np.fft.rfft(heard)) ** 2, 8)
    assert max(map(np.mean, eighths)) < 2 * min(map(np.mean, eighths))


def test_it_is_added_and_changes_nothing_else() -> None:
    tone = (0.1 * np.sin(np.arange(FRAME))).astype(np.float32)
    noise = with_noise_floor(np.zeros(FRAME, np.float32))
    np.testing.assert_allclose(with_noise_floor(tone) - tone, noise, atol=1e-7)


def test_the_same_sound_is_the_same_each_time() -> None:
    silence = np.zeros(FRAME, np.float32)
    np.testing.assert_array_equal(with_noise_floor(silence), with_noise_floor(silence))


def test_nothing_stays_nothing() -> None:
    assert len(with_noise_floor(np.empty(0, np.float32))) == 0
