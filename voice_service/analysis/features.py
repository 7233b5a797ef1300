"""How somebody speaks, in numbers: pitch and melody by autocorrelation, pace by counting swells of loudness."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from voice_service.analysis.containers import Unusable

LEAST_VOICED_S = 0.5
"""How much voiced sound, vowels mostly, a recording must have. Speech is voiced for about half of its time."""

LOWEST_HZ, HIGHEST_HZ = 60, 400

_STEP_S = 0.01
"""How often a recording is looked at."""

_WINDOW_S = 0.04
"""More than two periods of the lowest voice."""
_LEAST_LIKENESS = 0.6
"""How like itself a sound must be one period later to be voiced; 1: the same."""
_AS_GOOD = 0.9
"""Every multiple of a period is one as well: of the periods that are this close to the best, the shortest is meant."""
_LEAST_POWER = 0.05
"""Of the loud parts of the recording; what is weaker is breath, echo or noise."""


class VoiceFeatures(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody speaks."""

    pitch_hz: float
    """The median."""
    spread_hz: float
    """Between the pitches that a tenth of the speech is below, and above."""
    syllables_per_s: float
    """While they speak: pauses do not count."""


def features_of(samples: NDArray[np.float32], sample_rate: int) -> VoiceFeatures:
    """The features of whoever speaks in these samples. Raises `Unusable` if nobody does."""
    voiced = pitches(samples, sample_rate, _STEP_S)
    if len(voiced) * _STEP_S < LEAST_VOICED_S:
        raise Unusable(f"there is less than {LEAST_VOICED_S:g} s of voice in the recording")
    low, middle, high = np.percentile(voiced, [10, 50, 90])
    return VoiceFeatures(
        pitch_hz=float(middle),
        spread_hz=float(high - low),
        syllables_per_s=syllables_per_second(samples, sample_rate),
    )


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


_SMOOTHED_OVER = 9
"""Steps. A syllable takes 100 ms at the least."""
_SWELL_DB = 2.0
"""How much louder than the dips on both its sides a syllable is."""
_QUIET_DB = 25.0
"""How far below the loud parts of the recording the pauses begin."""


def syllables_per_second(samples: NDArray[np.float32], sample_rate: int) -> float:
    """How many syllables are spoken in a second of speech, pauses left out. 0: there is no speech."""
    loudness = _loudness(samples, round(_STEP_S * sample_rate))
    spoken = loudness > np.percentile(loudness, 95) - _QUIET_DB
    seconds = np.count_nonzero(spoken) * _STEP_S
    return float(_swells(loudness[spoken]) / seconds) if seconds else 0.0


def _loudness(samples: NDArray[np.float32], step: int) -> NDArray[np.float64]:
    """In dB, for each step."""
    steps = samples[: len(samples) // step * step].reshape(-1, step).astype(np.float64)
    kernel = np.hanning(_SMOOTHED_OVER + 2)[1:-1]
    power = np.convolve((steps**2).mean(axis=1), kernel / kernel.sum(), mode="same")
    loudness: NDArray[np.float64] = 10 * np.log10(np.maximum(power, 1e-12))
    return loudness


def _swells(loudness: NDArray[np.float64]) -> int:
    """How often it rises by `_SWELL_DB` and falls by as much again."""
    swells, rising, turn = 0, True, float(loudness[0]) if len(loudness) else 0.0
    for level in loudness:
        if rising:
            turn = max(turn, level)
            if level < turn - _SWELL_DB:
                swells, rising, turn = swells + 1, False, level
        else:
            turn = min(turn, level)
            if level > turn + _SWELL_DB:
                rising, turn = True, level
    return swells
