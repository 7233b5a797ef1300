"""The faint noise that is put under a stream's samples for the decoder."""

import numpy as np

from stt_proxy.recognition import SAMPLE_RATE
from stt_proxy.recognition.samples import Samples

_FAINT = 4e-4
"""RMS, at the level that speech is brought to: 38 dB below it.

Of 97 words of an eSpeak voice, in a quiet room, so many were wrong (in hundredths; single runs, and but for 4e-4 in the
first, second and last line with noise above 3.4 kHz beside it, which made no difference worth keeping it for):

    RMS of the noise                      0   3e-4   4e-4   5e-4   1e-3   1.5e-3
    as it is                             20     15     16     19     22       30
    Chromium, gain and suppression       51     28     26     23     33       44
    Chromium, suppression                44     32     29     23     32       46
    Chromium, gain                       13     12     12     19     31       30
    Chromium, gain, suppression, Opus    22     23     19     19     28       43
    telephone (G.711)                                  49
"""

_NOISE = np.random.default_rng(0).normal(0, _FAINT, SAMPLE_RATE).astype(np.float32)
"""A second of it: the same each time, so that a stream is decoded the same each time."""


def with_noise_floor(samples: Samples) -> Samples:
    """Return the 16 kHz samples (-1 to 1) with faint noise in all of them."""
    return samples + np.resize(_NOISE, len(samples)) if len(samples) else samples
