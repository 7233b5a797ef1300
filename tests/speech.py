"""People's voices for tests, made by eSpeak NG, and noises that are no voices."""

import re

import numpy as np
import soxr
from numpy.typing import NDArray

from mesh.audio import SAMPLE_RATE
from tts_proxy.engines.espeak.library import Prosody, library

Samples = NDArray[np.float32]

SPEECH_RMS = 0.025
"""How loud people are: what a recogniser trained on quiet rooms expects."""


def say(text: str, *, voice: str = "gmw/en-US", rate: int = 200) -> Samples:
    """Return `text` as spoken into a microphone: 24 kHz, between -1 and 1."""
    recording = library().speak(text, Prosody(voice, rate=rate), lambda: False)
    spoken = recording.samples.astype(np.float32) / 32_768
    resampled = np.asarray(soxr.resample(spoken, library().sample_rate, SAMPLE_RATE), np.float32)
    return at_level(resampled, SPEECH_RMS)


def at_level(samples: Samples, rms: float) -> Samples:
    """Return the samples as loud as `rms`."""
    level = float(np.sqrt(np.mean(samples**2)))
    return np.asarray(samples * (rms / level), np.float32)


def onset(speech: Samples) -> int:
    """Return the first sample of a recording that can be heard."""
    return int(np.argmax(np.abs(speech) > SPEECH_RMS / 4))


def cough(seed: int = 1) -> Samples:
    """Return a cough: two bursts of broad noise that start at once and die away."""
    noise = np.random.default_rng(seed)
    bursts = [noise.normal(0, 1, round(length * SAMPLE_RATE)) for length in (0.18, 0.14)]
    shaped = [burst * np.exp(-np.linspace(0, 5, len(burst))) for burst in bursts]
    gap = np.zeros(round(0.06 * SAMPLE_RATE))
    return at_level(np.concatenate([shaped[0], gap, shaped[1]]).astype(np.float32), 2 * SPEECH_RMS)


def words(text: str) -> list[str]:
    """Return the words of a text as one would compare them: lower case, without punctuation."""
    return re.findall(r"[a-z']+", text.lower())


def share_of_words(expected: str, heard: str) -> float:
    """Return how much of `expected` is in `heard`, in its order: 1 when all of it is."""
    wanted, found = words(expected), words(heard)
    longest = [[0] * (len(found) + 1) for _ in range(len(wanted) + 1)]
    for i, word in enumerate(wanted):
        for j, other in enumerate(found):
            longest[i + 1][j + 1] = longest[i][j] + 1 if word == other else max(longest[i][j + 1], longest[i + 1][j])
    return longest[-1][-1] / len(wanted)
