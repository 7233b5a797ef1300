"""Speaks one clause: its samples and its words, in the working format."""

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Executor
from dataclasses import dataclass

import numpy as np
import soxr
from numpy.typing import NDArray

from mesh.audio import SAMPLE_RATE
from tts_proxy.engine import Word
from tts_proxy.engines.espeak.alignment import aligned
from tts_proxy.engines.espeak.library import Library, Prosody
from tts_proxy.engines.espeak.script import Script


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
