"""Decodes what somebody has uploaded: at most so much of it as is needed to know a voice."""

import numpy as np
import soxr
from numpy.typing import NDArray

from voice_service.analysis.containers import Block, Sound, opened
from voice_service.analysis.sizes import with_true_sizes

LONGEST_S = 30
"""How much of a recording is listened to, from where the sound begins."""
SEARCHED_S = 180
"""How much of it is searched for where the sound begins."""
SAMPLE_RATE = 16_000

_STEP_S = 0.05
_LEAD_S = 0.2
"""How much is kept before the sound begins: a word may begin quietly."""
_BELOW_DB = 30.0
"""How far below the loud parts of a recording silence begins,"""
_FLOOR_DB = -60.0
"""and what is silence anyway, relative to full scale."""


def decoded(content: bytes, sample_rate: int = SAMPLE_RATE) -> NDArray[np.float32]:
    """Up to `LONGEST_S` seconds of an audio file's loudest channel, from -1 to 1, without the silence before.

    Raises `Unusable`.
    """
    every_channel = _resampled(opened(with_true_sizes(content)), sample_rate)
    loudest = every_channel[:, _loudest(every_channel)]
    begin = max(0, _begin(loudest, sample_rate) - round(_LEAD_S * sample_rate))
    return np.ascontiguousarray(loudest[begin : begin + LONGEST_S * sample_rate])


def _resampled(sound: Sound, sample_rate: int) -> Block:
    """The first `SEARCHED_S` seconds of all channels."""
    resampler = soxr.ResampleStream(sound.sample_rate, sample_rate, sound.channels, dtype="float32")
    parts: list[Block] = []
    missing = SEARCHED_S * sound.sample_rate
    for block in sound.blocks:
        # A file may change the number of its channels half-way.
        if block.shape[1] != sound.channels:
            break
        # A file of floats may hold anything.
        tame = np.clip(np.nan_to_num(block[:missing], posinf=0, neginf=0), -1, 1)
        parts.append(resampler.resample_chunk(np.ascontiguousarray(tame, np.float32)))
        missing -= len(tame)
        if missing <= 0:
            break
    parts.append(resampler.resample_chunk(np.zeros((0, sound.channels), np.float32), last=True))
    return np.concatenate(parts).reshape(-1, sound.channels)


def _loudest(every_channel: Block) -> int:
    """The channel with the most power; a constant is no sound."""
    return int(np.argmax(every_channel.var(axis=0))) if len(every_channel) else 0


def _begin(samples: NDArray[np.float32], sample_rate: int) -> int:
    """Where the first sound is that is not much quieter than the loud parts; 0: there is none."""
    step = round(_STEP_S * sample_rate)
    steps = samples[: len(samples) // step * step].reshape(-1, step)
    if not len(steps):
        return 0
    loudness = 10 * np.log10(np.maximum(steps.var(axis=1), 1e-12))
    # Of a long recording only a few seconds may be speech: the loud parts are a hundredth of it.
    sounds = loudness > max(float(np.percentile(loudness, 99)) - _BELOW_DB, _FLOOR_DB)
    # A click is not where speech begins.
    lasting = sounds[:-1] & sounds[1:]
    return int(np.argmax(lasting)) * step if lasting.any() else 0
