"""ITU-T G.711: 16-bit samples as one byte each, by tables that hold every value of the recommendation.

Both laws keep a sign, a segment (the position of the highest bit) and the four bits below it.
"""

from typing import Final, TypeAlias

import numpy as np
from numpy.typing import NDArray

Samples: TypeAlias = NDArray[np.int16]
Codes: TypeAlias = NDArray[np.uint8]

_ULAW_BIAS: Final = 33
_ULAW_CLIP: Final = 8_158
"""The largest magnitude of µ-law's 14-bit scale that stays within its eight segments once biased."""


class Law:
    """One of the two laws, as a pair of tables: `codes` by the sample's 16 bits, `samples` by the code."""

    def __init__(self, codes: Codes, samples: Samples) -> None:
        self._codes = codes
        self._samples = samples

    def encode(self, samples: Samples) -> Codes:
        """One code a sample."""
        return self._codes[samples.view(np.uint16)]

    def decode(self, codes: Codes) -> Samples:
        """One sample a code."""
        return self._samples[codes]


def _all_samples() -> NDArray[np.int32]:
    """Every sample, in the order of its 16 bits read as an unsigned number."""
    return np.arange(65_536, dtype=np.uint16).view(np.int16).astype(np.int32)


def _highest_bit(values: NDArray[np.int32]) -> NDArray[np.int32]:
    """The position of the highest set bit of positive values."""
    return (np.frexp(values.astype(np.float64))[1] - 1).astype(np.int32)


def _mu_law() -> Law:
    scaled = _all_samples() >> 2
    magnitudes = np.minimum(np.where(scaled < 0, -scaled, scaled), _ULAW_CLIP) + _ULAW_BIAS
    segments = _highest_bit(magnitudes) - 5
    codes = segments << 4 | (magnitudes >> segments + 1) & 0x0F
    codes ^= np.where(scaled < 0, 0x7F, 0xFF)

    inverted = ~np.arange(256, dtype=np.int32) & 0xFF
    magnitudes = (((inverted & 0x0F) << 1) + _ULAW_BIAS << (inverted >> 4 & 7)) - _ULAW_BIAS
    samples = np.where(inverted & 0x80, -magnitudes, magnitudes) << 2
    return Law(codes.astype(np.uint8), samples.astype(np.int16))


def _a_law() -> Law:
    scaled = _all_samples() >> 3
    magnitudes = np.where(scaled < 0, ~scaled, scaled)
    segments = np.maximum(_highest_bit(np.maximum(magnitudes, 1)) - 4, 0)
    codes = segments << 4 | magnitudes >> np.maximum(segments, 1) & 0x0F
    # Even bits are inverted, so that silence is not a row of zeros on the line.
    codes ^= np.where(scaled < 0, 0x55, 0xD5)

    plain = np.arange(256, dtype=np.int32) ^ 0x55
    segments = plain >> 4 & 7
    magnitudes = ((plain & 0x0F) << 4) + 8
    magnitudes = np.where(segments, magnitudes + 0x100 << np.maximum(segments, 1) - 1, magnitudes)
    samples = np.where(plain & 0x80, magnitudes, -magnitudes)
    return Law(codes.astype(np.uint8), samples.astype(np.int16))


MU_LAW: Final = _mu_law()
A_LAW: Final = _a_law()
