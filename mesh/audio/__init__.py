"""Audio between processes, and its conversion at the border.

The working format is 16-bit PCM, 24 kHz, mono; processes exchange it in frames of 80 ms.
"""

from mesh.audio.conversion import Decoder, Encoder
from mesh.audio.formats import (
    CONVERTIBLE,
    FRAME_BYTES,
    FRAME_S,
    FRAME_SAMPLES,
    SAMPLE_BYTES,
    SAMPLE_RATE,
    WORKING_FORMAT,
    WORKING_ONLY,
    negotiate,
)
from mesh.audio.resampler import Resampler

__all__ = [
    "CONVERTIBLE",
    "FRAME_BYTES",
    "FRAME_S",
    "FRAME_SAMPLES",
    "SAMPLE_BYTES",
    "SAMPLE_RATE",
    "WORKING_FORMAT",
    "WORKING_ONLY",
    "Decoder",
    "Encoder",
    "Resampler",
    "negotiate",
]
