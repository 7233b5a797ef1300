"""What people say in tests, as hibari speaks it: recognisers hear it as well as people, other than eSpeak's voices."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from functools import cache

import numpy as np

from mesh.audio import SAMPLE_RATE
from tests.speech import SPEECH_RMS, Samples, at_level
from tests.tts_proxy.spoken import spoken
from tts_proxy.engines.local.engine import local_engine
from tts_proxy.engines.local.plugin import LocalSettings

_AUDIBLE = 300
"""Of 32 768."""


@cache
def say_naturally(*texts: str) -> tuple[Samples, ...]:
    """Return the texts as spoken into a microphone, without the quiet at both ends: 24 kHz, between -1 and 1."""

    async def say() -> tuple[Samples, ...]:
        async with local_engine(LocalSettings()) as engine:
            return tuple([_as_heard((await spoken(engine, text)).samples) for text in texts])

    # Tests run in loops of their own.
    with ThreadPoolExecutor(1) as thread:
        return thread.submit(asyncio.run, say()).result()


def _as_heard(samples: np.ndarray[tuple[int, ...], np.dtype[np.int16]]) -> Samples:
    heard = np.flatnonzero(np.abs(samples) > _AUDIBLE)
    return at_level(samples[heard[0] : heard[-1] + 1].astype(np.float32) / np.float32(32_768), SPEECH_RMS)


def with_pauses(parts: tuple[Samples, ...], pause_s: float) -> Samples:
    """Return the parts with silence between them."""
    quiet = np.zeros(round(pause_s * SAMPLE_RATE), np.float32)
    return np.concatenate([each for part in parts for each in (part, quiet)][:-1])


def whispered(speech: Samples) -> Samples:
    """Return the same without a voice: noise with the speech's envelope and its resonances, and 14 dB quieter."""
    window, hop = np.hanning(720), 180
    noise = np.random.default_rng(5).normal(0, 1, len(speech))
    smooth = np.hanning(13) / np.hanning(13).sum()
    result = np.zeros(len(speech))
    for at in range(0, len(speech) - len(window), hop):
        level = np.abs(np.fft.rfft(speech[at : at + len(window)] * window))
        carrier = np.fft.rfft(noise[at : at + len(window)] * window)
        result[at : at + len(window)] += np.fft.irfft(carrier * np.convolve(level, smooth, "same")) * window
    return at_level(result.astype(np.float32), SPEECH_RMS / 5)
