"""How much louder a speaker should be made for a decoder that was trained on quiet speech.

The gain is the same for all of an utterance, since a change within one would look like a change of the sound itself.
"""

from collections import deque

from stt_proxy.recognition import FRAME, SAMPLE_RATE

_WANTED = 0.03
"""The RMS, of full scale, of the speaker's loud frames (the 90th percentile) at which PocketSphinx errs least."""

_QUIETEST, _LOUDEST = 0.1, 10.0
"""Bounds of the gain: 20 dB either way."""

_MEMORY = 5 * SAMPLE_RATE // FRAME
"""Frames of speech that are remembered: about 5 s."""


class Level:
    """The loudness of one stream's speaker, by the speech of the last seconds."""

    def __init__(self) -> None:
        self._loudness: deque[float] = deque(maxlen=_MEMORY)

    def feed(self, rms: float) -> None:
        """Take in the RMS (0 to 1) of a frame in which there was speech."""
        self._loudness.append(rms)

    @property
    def gain(self) -> float:
        """The factor that brings the speaker to the wanted level; 1 before anything was said."""
        if not self._loudness:
            return 1.0
        ranked = sorted(self._loudness)
        loud = ranked[int(0.9 * (len(ranked) - 1) + 0.5)]
        return min(_LOUDEST, max(_QUIETEST, _WANTED / max(loud, 1e-6)))
