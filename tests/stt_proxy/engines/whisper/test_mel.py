import numpy as np
import pytest

from stt_proxy.engines.whisper.mel import _filters, log_mel
from stt_proxy.recognition import SAMPLE_RATE


@pytest.mark.parametrize(
    ("band", "bin_", "weight"),
    [
        (0, 0, 0.0),
        (0, 1, 0.024862593984176087),
        (1, 2, 0.022871772096078016),
        (33, 33, 0.018177473406255303),
        (79, 190, 0.0022320550527126443),
        (79, 199, 0.0004487590275890477),
    ],
)
def test_the_filters_are_those_whisper_was_trained_with(band: int, bin_: int, weight: float) -> None:
    """Values of the file that OpenAI publishes with the models."""
    assert _filters(80)[band, bin_] == pytest.approx(weight, abs=1e-8)


def test_a_tone_is_in_its_band_and_all_else_eight_decades_below_at_most() -> None:
    hertz = 440
    tone = 0.1 * np.sin(2 * np.pi * hertz * np.arange(SAMPLE_RATE) / SAMPLE_RATE)
    heard = log_mel(tone.astype(np.float32))
    assert heard.shape == (80, 100)
    assert heard.dtype == np.float32
    # 440 Hz are 6.6 mels of 45.2 in 81 steps.
    assert int(heard[:, 50].argmax()) == round(81 * (hertz * 3 / 200) / 45.245640471924965) - 1
    assert heard.max() - heard.min() == pytest.approx(2)


def test_silence_is_flat() -> None:
    assert np.ptp(log_mel(np.zeros(SAMPLE_RATE, np.float32))) == 0
