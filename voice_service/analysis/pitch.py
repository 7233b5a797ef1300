"""The pitch of a voice, by autocorrelation: a voiced sound repeats itself once in every period of the voice."""

import numpy as np
from numpy.typing import NDArray

LOWEST_HZ, HIGHEST_HZ = 60, 400

_WINDOW_S = 0.04
"""More than two periods of the lowest voice."""
_LEAST_LIKENESS = 0.6
"""How like itself a sound must be one period later to be voiced; 1: the same."""
_AS_GOOD = 0.9
"""Every multiple of a period is one as well: of the periods that are this close to the best, the shortest is meant."""
_LEAST_POWER = 0.05
"""Of the loud parts of the recording; what is weaker is breath, echo or noise."""


def pitches(samples: NDArray[np.float32], sample_rate: int, step_s: float) -> NDArray[np.float64]:
    """The pitch in Hz at every `step_s` seconds at which the samples are voiced."""
    likeness, power = _likeness(samples, sample_rate, step_s)
    if not len(power):
        return np.zeros(0)
    shortest, longest = sample_rate // HIGHEST_HZ, sample_rate // LOWEST_HZ
    likeness = likeness[:, shortest - 1 : longest + 2]
    middle = likeness[:, 1:-1]
    best = middle.max(axis=1)
    peaks = (middle >= likeness[:, :-2]) & (middle >= likeness[:, 2:]) & (middle >= _AS_GOOD * best[:, np.newaxis])
    voiced = (best > _LEAST_LIKENESS) & (power > _LEAST_POWER * np.percentile(power, 90)) & peaks.any(axis=1)
    periods = shortest + peaks.argmax(axis=1)
    found: NDArray[np.float64] = sample_rate / periods[voiced]
    return found


def _likeness(
    samples: NDArray[np.float32], sample_rate: int, step_s: float
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """For each window of the samples: how like itself it is when shifted by 0, 1, … samples; and its mean square."""
    length, step = round(_WINDOW_S * sample_rate), round(step_s * sample_rate)
    if len(samples) < length:
        return np.zeros((0, length)), np.zeros(0)
    taper = np.hanning(length)
    windows = np.lib.stride_tricks.sliding_window_view(samples, length)[::step] * taper
    products = _autocorrelation(windows)
    # A taper makes everything less like itself the further it is shifted; and silence is not like anything.
    expected = _autocorrelation(taper[np.newaxis])
    power = products[:, 0]
    return products / np.maximum(power, 1e-9)[:, np.newaxis] / (expected / expected[0, 0]), power / length


def _autocorrelation(windows: NDArray[np.float64]) -> NDArray[np.float64]:
    """Of each row with itself, shifted by 0, 1, … up to half of it: beyond, too little of it overlaps."""
    length = windows.shape[1]
    # Twice as long, so that what is shifted out at one end does not come in at the other.
    spectra = np.fft.rfft(windows, 2 * length)
    products: NDArray[np.float64] = np.fft.irfft(np.abs(spectra) ** 2, 2 * length)[:, : length // 2 + 2]
    return products
