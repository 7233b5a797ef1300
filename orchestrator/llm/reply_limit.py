"""Ends a reply that is too long, or that goes round in circles."""

from collections import deque
from typing import NamedTuple

from mesh.text.writing import ends_sentence

_SENTENCE_WORDS = 50
"""How many words past its limit a reply may go on to the end of its sentence."""
SENTENCE_S = 15.0
"""The same in seconds."""
_LONG_WORD = 20
"""Characters of a word that counts as one; a longer one counts as several."""

_WATCHED = 120
"""Words that say the same over and over before that is taken for a circle: a refrain is shorter."""
_LONGEST_CIRCLE = 40
_LOOKED_EVERY = 20

REPEATS = "it says the same over and over"


class ReplyLimits(NamedTuple):
    """How long a reply may be: in words, and in seconds of speech or of writing."""

    words: int
    seconds: float


class ReplyLength:
    """Watches how long one reply becomes."""

    def __init__(self, words: int, seconds: float) -> None:
        self._most_words = words
        self._most_seconds = seconds
        self._words = 0
        self._counted = 0
        self._sentence_ended = False
        self._last: deque[str] = deque(maxlen=_WATCHED)

    def refuses(self, word: str, seconds: float) -> str | None:
        """Take in a word that would come after so many seconds. Return why it is not said any more; None: it is."""
        if self._words % _LOOKED_EVERY == 0 and self._is_in_a_circle():
            return REPEATS
        if self._is_over(self._counted, self._most_words, _SENTENCE_WORDS):
            return f"it is longer than {self._most_words} words"
        if self._is_over(seconds, self._most_seconds, SENTENCE_S):
            return f"it takes longer than {self._most_seconds:g} s"
        self._words += 1
        self._counted += 1 + max(len(word) - 1, 0) // _LONG_WORD
        self._sentence_ended = ends_sentence(word)
        self._last.append(word.strip())
        return None

    def _is_over(self, so_far: float, most: float, to_the_end: float) -> bool:
        return so_far >= most and (self._sentence_ended or so_far >= most + to_the_end)

    def _is_in_a_circle(self) -> bool:
        last = list(self._last)
        if len(last) < _WATCHED:
            return False
        return any(last[length:] == last[:-length] for length in range(1, _LONGEST_CIRCLE + 1))
