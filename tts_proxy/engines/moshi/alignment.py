"""Finds the written words in what the engine says it has spoken. No I/O.

The engine normalises text before it speaks, and times the words it made of it: "10:30" becomes two, "(well)" loses its
brackets, a dash vanishes. A word is reported as it was written, from its first part's start to its last part's end.
"""
# ruff: noqa: RUF001 - typographic marks are what this is about

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from tts_proxy.engine import Word

_LOOK_AHEAD = 4
"""Words that may be missing from what is spoken before it is no longer recognised."""

_NORMALISED = str.maketrans({"’": "'", "–": None, "(": None, ")": None, ":": " "})


@dataclass(slots=True)
class _Written:
    text: str
    parts: deque[str]
    """What is still to be spoken of it."""
    start_s: float | None = None
    stop_s: float = 0.0

    def speak(self, start_s: float, stop_s: float) -> None:
        """Its next part is spoken there."""
        self.parts.popleft()
        self.start_s = start_s if self.start_s is None else self.start_s
        self.stop_s = stop_s


class Alignment:
    """The words of one reply. `characters` counts those that wait to be spoken."""

    def __init__(self) -> None:
        self.characters = 0
        self._waiting: deque[_Written] = deque()
        self._last_start_s = 0.0

    def __len__(self) -> int:
        """How many words wait to be spoken."""
        return len(self._waiting)

    def write(self, word: str) -> None:
        """A word was given to the engine. One that makes no sound will not be among those spoken."""
        if parts := word.translate(_NORMALISED).split():
            self._waiting.append(_Written(word, deque(parts)))
            self.characters += len(word)

    def speak(self, text: str, start_s: float, stop_s: float) -> Iterator[Word]:
        """The engine speaks this there. The written words that are complete now, each once and in their order."""
        text = "".join(text.split())
        if not text:
            return
        start_s = self._last_start_s = max(start_s, self._last_start_s)
        stop_s = max(start_s, stop_s)
        if not self._waiting:
            yield Word(text, start_s, stop_s)
            return
        for _ in range(self._place_of(text)):
            # Nothing was said of it, or not what was expected: it has been spoken by now in any case.
            yield self._done(start_s)
        self._waiting[0].speak(start_s, stop_s)
        if not self._waiting[0].parts:
            yield self._done(start_s)

    def _place_of(self, text: str) -> int:
        """Which of the waiting words is being spoken. The first by default."""
        candidates = islice(self._waiting, _LOOK_AHEAD)
        return next((index for index, each in enumerate(candidates) if _same(each.parts[0], text)), 0)

    def _done(self, now_s: float) -> Word:
        written = self._waiting.popleft()
        self.characters -= len(written.text)
        if written.start_s is None:
            return Word(written.text, now_s, now_s)
        return Word(written.text, written.start_s, written.stop_s)


def _same(expected: str, spoken: str) -> bool:
    return expected.casefold() == spoken.translate(_NORMALISED).casefold()
