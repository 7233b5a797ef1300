"""The pace of a speaker: syllables are counted as swells of loudness."""

import numpy as np
from numpy.typing import NDArray

_STEP_S = 0.01
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
