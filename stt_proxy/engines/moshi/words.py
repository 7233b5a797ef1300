"""Joins the engine's two messages about a word, its text and later its end, into one event.

The engine reports a word's end when it is sure of it, often not before the next word begins. A word does not wait for
that: it is sent when the next frame has been recognised, and ends where words are known up to by then.
"""

from collections.abc import Iterator

from mesh.audio import SAMPLE_RATE
from stt_proxy.engine import Word
from stt_proxy.engines.moshi.silences import SilenceMap

_LONGEST = int(1.5 * SAMPLE_RATE)
"""Samples. The engine lets a word start where the one before it ended, were it minutes ago."""


class Words:
    """The words of one stream. Arguments are positions of the engine's audio; events have those of the microphone's."""

    def __init__(self, silences: SilenceMap) -> None:
        self._silences = silences
        self._waiting = ""
        self._start = 0
        self._last_start = 0

    def told(self, text: str, start: int) -> Iterator[Word]:
        """A word is known; the one before it has ended by then."""
        yield from self.ended(start)
        # The engine may say nothing at first, and it gives one word at a time; a space inside would break that promise.
        self._waiting = "".join(text.split())
        self._start = start

    def ended(self, end: int) -> Iterator[Word]:
        """The word that waits, if one does, ends there."""
        if not self._waiting:
            return
        last = self._silences.position(max(self._start, end))
        first = max(self._silences.position(self._start), last - _LONGEST, self._last_start)
        self._last_start = first
        yield Word(self._waiting, first / SAMPLE_RATE, max(first, last) / SAMPLE_RATE)
        self._waiting = ""
        self._silences.forget(self._start)
