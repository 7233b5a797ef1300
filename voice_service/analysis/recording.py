"""Decodes what somebody has uploaded: at most so much of it as is needed to know a voice."""

import os

import numpy as np
import soxr
import sphn
from numpy.typing import NDArray

LONGEST_S = 30
"""How much of a recording is listened to."""
SAMPLE_RATE = 16_000

_LOWEST_RATE, _HIGHEST_RATE = 8_000, 192_000
_OPUS_RATE = 24_000
_SLICE = 4_096
"""Bytes of Ogg/Opus at a time: one call that decodes more than 5 s loses all of it."""


class Unusable(Exception):
    """Nothing can be learned from a recording; the message tells why, for whoever has uploaded it."""


def decoded(content: bytes) -> NDArray[np.float32]:
    """The first `LONGEST_S` seconds of an audio file's first channel, at 16 kHz, from -1 to 1. Raises `Unusable`."""
    samples, sample_rate = _opus(content) if _is_opus(content) else _file(content)
    if not _LOWEST_RATE <= sample_rate <= _HIGHEST_RATE:
        raise Unusable(f"its sample rate is {sample_rate} Hz, not from {_LOWEST_RATE} to {_HIGHEST_RATE}")
    # A file of floats may hold anything.
    tame = np.clip(np.nan_to_num(samples[: LONGEST_S * sample_rate], posinf=0, neginf=0), -1, 1)
    resampled: NDArray[np.float32] = soxr.resample(tame.astype(np.float32, copy=False), sample_rate, SAMPLE_RATE)
    return resampled


def _is_opus(content: bytes) -> bool:
    return content.startswith(b"OggS") and b"OpusHead" in content[:64]


def _file(content: bytes) -> tuple[NDArray[np.float32], int]:
    """The first channel of WAV, FLAC, MP3, Ogg/Vorbis, …, and its sample rate."""
    # The library opens files by their name only.
    with open(os.memfd_create("recording"), "wb") as file:  # noqa: PTH123 - a descriptor has no path
        file.write(content)
        file.flush()
        try:
            channels, sample_rate = sphn.read(f"/proc/self/fd/{file.fileno()}", duration_sec=LONGEST_S)
        except (ValueError, RuntimeError):
            raise Unusable("it is no audio file of a kind that can be decoded, or it is damaged") from None
    return channels[0], sample_rate


def _opus(content: bytes) -> tuple[NDArray[np.float32], int]:
    """The samples of Ogg/Opus, and their rate."""
    reader = sphn.OpusStreamReader(_OPUS_RATE)
    parts, missing = [], LONGEST_S * _OPUS_RATE
    try:
        for start in range(0, len(content), _SLICE):
            part = reader.append_bytes(content[start : start + _SLICE])
            parts.append(part)
            missing -= len(part)
            if missing <= 0:
                break
    except ValueError:
        raise Unusable("it is Ogg/Opus, but damaged") from None
    return np.concatenate([np.zeros(0, np.float32), *parts]), _OPUS_RATE
