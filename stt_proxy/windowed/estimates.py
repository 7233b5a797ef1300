"""Where words lie of which a decoder gives only the text: their letters are spread over where the window is loud."""

from collections.abc import Sequence
from itertools import accumulate
from typing import Final

import numpy as np

from stt_proxy.recognition import SAMPLE_RATE
from stt_proxy.recognition.samples import Samples
from stt_proxy.recognition.words import TimedWord

_STEP: Final = SAMPLE_RATE // 50
_LOUD: Final = 0.1
"""What is above this part of the loudest step is taken for speech."""


def estimated(text: str, window: Samples) -> list[TimedWord]:
    """The words of a window, in samples from its first."""
    return spread(text.split(), *_loud(window))


def spread(words: Sequence[str], start: int, end: int) -> list[TimedWord]:
    """The words between two places, each as long as it has letters."""
    bounds = list(accumulate((len(word) + 1 for word in words), initial=0))
    unit = max(0, end - start) / max(1, bounds[-1])
    places = [start + round(bound * unit) for bound in bounds]
    return [TimedWord(word, *places[at : at + 2]) for at, word in enumerate(words)]


def _loud(window: Samples) -> tuple[int, int]:
    """From where to where there is speech, by the level alone."""
    count = len(window) // _STEP
    if not count:
        return 0, len(window)
    levels = np.sqrt(np.square(window[: count * _STEP].reshape(count, _STEP)).mean(axis=1))
    loud = np.flatnonzero(levels > _LOUD * levels.max())
    return (int(loud[0]) * _STEP, (int(loud[-1]) + 1) * _STEP) if len(loud) else (0, len(window))
