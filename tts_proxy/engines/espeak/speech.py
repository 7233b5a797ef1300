"""Speaks one clause: its samples and its words, in the working format."""

import asyncio
import threading
from collections.abc import Callable, Sequence
from concurrent.futures import Executor
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
import soxr
from numpy.typing import NDArray

from mesh.audio import SAMPLE_RATE
from tts_proxy.engine import Word
from tts_proxy.engines.espeak.library import Library, Prosody, WordEvent
from tts_proxy.engines.espeak.script import Script, ScriptWord


@dataclass(frozen=True, slots=True)
class Speech:
    """A spoken clause: 16-bit samples, 24 000 Hz, and words with their times from the first of them."""

    samples: NDArray[np.int16]
    words: list[Word]


async def speak(script: Script, prosody: Prosody, library: Library, thread: Executor) -> Speech:
    """Speak a script in `thread`. Cancelling this stops the library within its next 20 ms of speech."""
    given_up = threading.Event()
    try:
        return await asyncio.get_running_loop().run_in_executor(
            thread, _speak, script, prosody, library, given_up.is_set
        )
    finally:
        given_up.set()


def _speak(script: Script, prosody: Prosody, library: Library, given_up: Callable[[], bool]) -> Speech:
    recording = library.speak(script.text, prosody, given_up)
    # A clause at a time: resampling a stream would delay it by 120 ms.
    samples: NDArray[np.int16] = soxr.resample(recording.samples, library.sample_rate, SAMPLE_RATE)
    return Speech(samples, aligned(script.words, recording.words, len(samples) / SAMPLE_RATE))


def aligned(words: Sequence[ScriptWord], events: Sequence[WordEvent], length_s: float) -> list[Word]:
    """The words with their times in a speech of `length_s` seconds: in order, each ending where the next one starts."""
    known = {0: 0.0}
    for index, word in enumerate(words):
        offsets = [event.offset_s for event in events if word.start <= event.position < word.stop]
        if offsets:
            known[index] = min(offsets)
    known[len(words)] = length_s
    bounds = np.interp(range(len(words) + 1), list(known), list(known.values()))
    # Where a language reorders what it says, a word may be heard before the one written before it.
    ordered = np.minimum(np.maximum.accumulate(bounds), length_s).tolist()
    return [Word(word.text, start, stop) for word, (start, stop) in zip(words, pairwise(ordered), strict=True)]
