"""What a recogniser is given to hear in tests, and what it makes of it."""

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np

from mesh.audio import FRAME_BYTES, SAMPLE_RATE
from stt_proxy.engine import Event, Partial, Pause, Word
from tests.speech import Samples

ROOM_RMS = 1e-3
"""How loud an empty room is. No microphone gives digital silence, and recognisers stumble over it."""


def silence(seconds: float) -> Samples:
    return np.zeros(round(seconds * SAMPLE_RATE), np.float32)


def microphone(*sounds: Samples, seed: int = 1) -> bytes:
    """The sounds, one after another, in a quiet room: PCM, a whole number of frames."""
    sound = np.concatenate(sounds)
    sound = np.pad(sound, (0, -len(sound) % (FRAME_BYTES // 2)))
    room = np.random.default_rng(seed).normal(0, ROOM_RMS, len(sound))
    return bytes((np.clip(sound + room, -1, 1) * 32_767).astype("<i2").tobytes())


def frames(pcm: bytes) -> Iterable[bytes]:
    return (pcm[start : start + FRAME_BYTES] for start in range(0, len(pcm), FRAME_BYTES))


@dataclass(frozen=True)
class Heard:
    """What was told of a stream."""

    events: list[Event]

    @property
    def words(self) -> list[Word]:
        return [event for event in self.events if isinstance(event, Word)]

    @property
    def text(self) -> str:
        return " ".join(word.text for word in self.words)

    @property
    def partials(self) -> list[str]:
        return [event.text for event in self.events if isinstance(event, Partial)]

    @property
    def pauses(self) -> list[Pause]:
        return [event for event in self.events if isinstance(event, Pause)]

    def first(self, *, below: float, after: float = 0.0) -> float:
        """The end of the first frame, after a time, whose pause probability is below a bound."""
        return next(each.heard_s for each in self.pauses if each.heard_s > after and each.probability < below)

    def first_above(self, bound: float, *, after: float) -> float:
        """The end of the first frame, after a time, whose pause probability is above a bound."""
        return next(each.heard_s for each in self.pauses if each.heard_s > after and each.probability > bound)
