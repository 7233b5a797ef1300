"""How somebody speaks, in numbers."""

import msgspec
import numpy as np
from numpy.typing import NDArray

from voice_service.analysis.pace import syllables_per_second
from voice_service.analysis.pitch import pitches
from voice_service.analysis.recording import Unusable

LEAST_VOICED_S = 0.5
"""How much voiced sound, vowels mostly, a recording must have. Speech is voiced for about half of its time."""

_STEP_S = 0.01


class Manner(msgspec.Struct, frozen=True, kw_only=True):
    """How somebody speaks."""

    pitch_hz: float
    """The median."""
    spread_hz: float
    """Between the pitches that a tenth of the speech is below, and above."""
    syllables_per_s: float
    """While they speak: pauses do not count."""


def manner_of(samples: NDArray[np.float32], sample_rate: int) -> Manner:
    """The manner of whoever speaks in these samples. Raises `Unusable` if nobody does."""
    voiced = pitches(samples, sample_rate, _STEP_S)
    if len(voiced) * _STEP_S < LEAST_VOICED_S:
        raise Unusable(f"there is less than {LEAST_VOICED_S:g} s of voice in the recording")
    low, middle, high = np.percentile(voiced, [10, 50, 90])
    return Manner(
        pitch_hz=float(middle),
        spread_hz=float(high - low),
        syllables_per_s=syllables_per_second(samples, sample_rate),
    )
