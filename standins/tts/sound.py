"""What speech sounds like here: a burst of tone a word."""

from functools import lru_cache
from zlib import crc32

import numpy as np

from standins import wire

_LOWEST_HERTZ, _STEP_HERTZ, _PITCHES = 160, 40, 8
_LOUDNESS = 0.3
_GAP_S = 0.06
"""Of silence at the end of a word."""
_FADE_S = 0.01


def frame(word: str, number: int, frames: int) -> bytes:
    """The so-manieth frame of a word as float32 samples. A word always sounds the same."""
    return _frame(crc32(word.encode()) % _PITCHES, number, frames)


@lru_cache(maxsize=1_024)
def _frame(pitch: int, number: int, frames: int) -> bytes:
    times = (np.arange(wire.FRAME_SAMPLES) + number * wire.FRAME_SAMPLES) / wire.SAMPLE_RATE
    end = max(frames * wire.FRAME_S - _GAP_S, _FADE_S)
    envelope = np.clip(np.minimum(times, end - times) / _FADE_S, 0, 1)
    tone = np.sin(2 * np.pi * (_LOWEST_HERTZ + _STEP_HERTZ * pitch) * times)
    return (_LOUDNESS * envelope * tone).astype("<f4").tobytes()


SILENCE = bytes(4 * wire.FRAME_SAMPLES)
"""A frame of it."""


@lru_cache(maxsize=1_024)
def message(samples: bytes) -> bytes:
    """The message that holds these float32 samples."""
    return wire.audio(np.frombuffer(samples, "<f4").tolist())
