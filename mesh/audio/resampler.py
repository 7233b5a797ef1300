"""Changes the sample rate of a stream: exactly, at once, and with the same result whatever pieces it comes in.

A polyphase FIR filter. In thought, zeros are put between the samples until the rate is a multiple of both rates, a
low-pass filter removes what lies above half of the lower rate, and every so many-th sample is kept; only the products
that count are made. A block of samples is one product of a vector (the block and the samples before it) with a matrix.

It is used instead of soxr's streaming mode, which delays the microphone by 120 ms in good quality and gives blocks of
uneven size: positions need exact counts. Whole clauses of synthesised speech go through soxr.
"""

from functools import cache
from math import gcd
from typing import Final, NamedTuple, TypeVar

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view
from numpy.typing import NDArray

Sample = TypeVar("Sample", np.int16, np.float32)

_HALF_WIDTH: Final = 32
"""The filter's length to either side of its middle, in samples of the lower rate: delay against sharpness. 32 let pass
what is below 0.43 of the lower rate, and delay by 4 ms where that is 8 kHz, by 2 ms where it is 16 kHz."""
_KAISER_BETA: Final = 7.0
_STOP_BAND_DB: Final = 72.0
"""What a Kaiser window of this beta suppresses."""
_PERIODS: Final = 16
"""How often the pattern of the rates is repeated in a block: small ones are copied more, large ones waste products."""
_COEFFICIENT_STEP: Final = 2.0**-24
"""Coefficients are multiples of this, so that a sum of their products with 16-bit samples is exact in a double. Else a
sample would depend on the order of its sum, and that on how many samples came at a time."""


class Resampler:
    """Takes a stream from one rate to another, both in Hz.

    Of n samples in, ⌈n · target / source⌉ are out, in all; what is heard is later by `delay_s` seconds.
    """

    def __init__(self, source_hz: int, target_hz: int) -> None:
        divisor = gcd(source_hz, target_hz)
        self._filter = _filter(target_hz // divisor, source_hz // divisor)
        self.delay_s = _HALF_WIDTH / min(source_hz, target_hz)
        self._unfinished = np.zeros(self._filter.history)
        """The samples that outputs to come may need: those before the current block, and those of it that are known."""
        self._given = 0
        """How many outputs of the current block have been given out."""

    def process(self, samples: NDArray[Sample]) -> NDArray[Sample]:
        """What these samples (one-dimensional, any number) complete, of the same type; 16-bit output is exact."""
        if not samples.size:
            return samples
        history, matrix = self._filter
        taken, made = len(matrix) - history, matrix.shape[1]
        known = np.concatenate((self._unfinished, samples), dtype=np.float64)
        fresh = len(known) - history
        blocks, complete = -(-fresh // taken), fresh // taken
        due = -(-fresh * made // taken)
        # Outputs that are due do not depend on the samples that are missing at the end.
        padded = np.concatenate((known, np.zeros(blocks * taken - fresh)))
        outputs = np.dot(sliding_window_view(padded, len(matrix))[::taken], matrix).ravel()[self._given : due]
        self._unfinished = known[complete * taken :]
        self._given = due - complete * made
        return _as_type(outputs, samples)


class _Filter(NamedTuple):
    """How a block is made."""

    history: int
    """How many samples before the block it needs."""
    matrix: NDArray[np.float64]
    """A row for each sample of history and block, a column for each output."""


@cache
def _filter(up: int, down: int) -> _Filter:
    taps = _low_pass(up, down)
    history = -(-(len(taps) - 1) // up)
    rows = np.arange(history + _PERIODS * down)[:, np.newaxis]
    columns = np.arange(_PERIODS * up)[np.newaxis, :]
    index = columns * down - (rows - history) * up
    used = (index >= 0) & (index < len(taps))
    return _Filter(history, np.where(used, taps[np.where(used, index, 0)], 0.0))


def _low_pass(up: int, down: int) -> NDArray[np.float64]:
    """A windowed sinc at `up` times the source's rate, which passes nothing above half of the lower rate."""
    lower = 1 / max(up, down)
    half = _HALF_WIDTH * max(up, down)
    transition = (_STOP_BAND_DB - 7.95) / (14.36 * 2 * half)
    cutoff = lower - transition
    taps = np.sinc(cutoff * np.arange(-half, half + 1)) * np.kaiser(2 * half + 1, _KAISER_BETA)
    taps *= up / taps.sum()
    rounded: NDArray[np.float64] = np.rint(taps / _COEFFICIENT_STEP) * _COEFFICIENT_STEP
    return rounded


def _as_type(outputs: NDArray[np.float64], like: NDArray[Sample]) -> NDArray[Sample]:
    if like.dtype == np.int16:
        outputs = np.clip(np.rint(outputs), -32_768, 32_767)
    return outputs.astype(like.dtype)
