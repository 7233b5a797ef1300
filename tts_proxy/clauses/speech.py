"""What a voice makes of a clause."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from mesh.audio import SAMPLE_RATE
from tts_proxy.clauses.splitting import Clause
from tts_proxy.engine import Word


@dataclass(frozen=True, slots=True)
class Speech:
    """A spoken clause: 16-bit samples, 24 000 Hz, and words with their times from the first of them."""

    samples: NDArray[np.int16]
    words: list[Word]

    @property
    def length_s(self) -> float:
        """How long it takes to hear."""
        return len(self.samples) / SAMPLE_RATE


SILENCE = Speech(np.zeros(0, np.int16), [])
"""What a voice makes of a clause in which there is nothing to say."""


class Speaker(Protocol):
    """A voice as one utterance uses it."""

    async def say(self, clause: Clause) -> Speech:
        """Speak a clause; `SILENCE` where there is nothing to say. Cancelling this stops the synthesis."""


def joined(parts: Sequence[Speech]) -> Speech:
    """Return the parts of one clause, one directly after the other, as one speech."""
    if len(parts) == 1:
        return parts[0]
    starts = accumulate((part.length_s for part in parts), initial=0.0)
    words = [
        Word(word.text, start_s + word.start_s, start_s + word.stop_s)
        for start_s, part in zip(starts, parts, strict=False)
        for word in part.words
    ]
    return Speech(np.concatenate([SILENCE.samples, *(part.samples for part in parts)]), words)
