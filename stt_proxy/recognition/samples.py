"""The last seconds of a stream, by position."""

from typing import TypeAlias

import numpy as np
import numpy.typing as npt

Samples: TypeAlias = npt.NDArray[np.float32]


class SampleWindow:
    """Samples from `start` up to `end`, positions in the stream."""

    def __init__(self) -> None:
        self._samples: Samples = np.empty(0, np.float32)
        self.start = 0

    @property
    def end(self) -> int:
        """How many samples the stream has had."""
        return self.start + len(self._samples)

    def write(self, samples: Samples) -> None:
        """Add what comes next."""
        self._samples = np.concatenate((self._samples, samples))

    def read(self, start: int, end: int) -> Samples:
        """The samples from `start`, which is still there, up to `end`."""
        return self._samples[start - self.start : end - self.start]

    def forget(self, before: int) -> None:
        """Drop what lies before this position."""
        surplus = before - self.start
        if surplus > 0:
            self._samples = self._samples[surplus:]
            self.start = before
