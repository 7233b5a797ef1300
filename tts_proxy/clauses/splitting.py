"""Cuts text that arrives word by word into clauses, each of which can be spoken by itself.

A clause ends where a speaker would pause: at the end of a sentence, or at a comma and its like. Where no such mark
comes, it is cut after a number of words, sooner for the first clause of a reply so that the listener hears something.
A script without spaces has its clauses, and runs of characters, for words.
Only an engine that cannot look ahead by itself needs this.
"""
# ruff: noqa: RUF001 - typographic marks are what this is about

import re
from collections.abc import Iterator
from dataclasses import dataclass
from enum import Enum
from itertools import takewhile

from mesh.text.writing import CLAUSE_MARKS, SENTENCE_MARKS, characters_in, parts_of

MOST_WORDS = 25
"""Words of a clause at which it is no longer waited for punctuation."""
MOST_CHARACTERS = 120
"""Characters of a clause, spaces included. It bounds how long the engine is busy with one clause."""
LONGEST_WORD = 100
"""Characters. A longer word, which is hardly language, is taken as several."""
FIRST_WORDS = 5
"""Words of a reply's first clause at which it is no longer waited for punctuation."""

_WEAK_WORD = 3
"""Words of up to so many letters ("of", "the") mostly belong to what follows: no cut is made right after one."""
_CHARACTERS_OF_A_WORD = 2
"""Of Chinese and Japanese."""
_CLOSERS = "\"'”’»)]}*_~`」』）】》〉〕"
"""What may stand between a mark and the end of its word."""
_DASHES = frozenset(("-", "–", "—"))
_SHORTENED = re.compile(
    "approx|bzw|capt|cf|dept|dr|etc|fig|inc|jr|lt|ltd|mlle|mme|mr|mrs|ms|mt|nr|prof|rev|sgt|sr|st|vol|vs", re.IGNORECASE
)
_DOTTED = re.compile(r"(?!I$)[^\W\d_]|[^\W\d_]{1,2}(\.[^\W\d_]{1,2})+")
"""Initials and their like, without the last dot: "J", "e.g", "p.m", "Ph.D"."""


class Ending(Enum):
    """How a clause ends, and thus how its last word is intoned and what silence is due after it."""

    SENTENCE = "sentence"
    CLAUSE = "clause"
    CUT = "cut"
    """In the middle of a phrase."""


@dataclass(frozen=True, slots=True)
class Clause:
    """One or more words as they were written."""

    words: tuple[str, ...]
    ending: Ending


class Clauses:
    """Takes text in at one end and gives clauses out at the other. No word is lost, added or moved.

    `characters` is how much text waits, spaces not counted; `finished` tells that no more will come.
    """

    def __init__(self) -> None:
        self.characters = 0
        self.finished = False
        self._words: list[str] = []
        self._taken_any = False

    def add(self, text: str) -> None:
        """Take in whole words, none or more of them."""
        for word in text.split():
            for part in parts_of(word):
                self._words.extend(part[at : at + LONGEST_WORD] for at in range(0, len(part), LONGEST_WORD))
            self.characters += len(word)

    def finish(self) -> None:
        """Say that no more text will come: what waits is complete."""
        self.finished = True

    def take(self) -> Clause | None:
        """The next clause that need not wait for more text; None: there is none yet."""
        window = list(self._window())
        for count, word in enumerate(window, start=1):
            if ending := ending_after(word, opens_clause=count == 1):
                return self._remove(count, ending)
        if len(window) < len(self._words) or len(window) == MOST_WORDS:
            return self._remove(_sensible_cut(window), Ending.CUT)
        if self.finished:
            return self._remove(len(window), Ending.SENTENCE) if window else None
        if not self._taken_any and sum(map(_length, window)) >= FIRST_WORDS:
            return self._remove(_sensible_cut(window), Ending.CUT)
        return None

    def take_waiting(self) -> Clause | None:
        """What waits for a mark that may not come soon; None: nothing waits."""
        if clause := self.take():
            return clause
        return self._remove(_sensible_cut(self._words), Ending.CUT) if self._words else None

    def _window(self) -> Iterator[str]:
        """The words that may be in the next clause, at least one where there are any."""
        length, words = -1, 0.0
        for word in self._words[:MOST_WORDS]:
            length += 1 + len(word)
            words += _length(word)
            if length > MOST_CHARACTERS or words > MOST_WORDS:
                return
            yield word

    def _remove(self, count: int, ending: Ending) -> Clause:
        words = tuple(self._words[:count])
        del self._words[:count]
        self.characters -= sum(map(len, words))
        self._taken_any = True
        return Clause(words, ending)


def ending_after(word: str, *, opens_clause: bool = False) -> Ending | None:
    """The clause that ends with this word, if one does. A number that opens its clause ("1.") counts a list."""
    if word in _DASHES:
        return Ending.CLAUSE
    bare = word.rstrip(_CLOSERS)
    match bare[-1:]:
        case mark if mark in SENTENCE_MARKS:
            return Ending.SENTENCE
        case "." if not (_is_abbreviation(bare) or (opens_clause and bare[:-1].isdecimal())):
            return Ending.SENTENCE
        case mark if mark in CLAUSE_MARKS:
            return Ending.CLAUSE
        case _:
            return None


def _length(word: str) -> float:
    """How many words of a script with spaces take as long to say."""
    return max(1.0, characters_in(word) / _CHARACTERS_OF_A_WORD)


def _is_abbreviation(word: str) -> bool:
    stem = word[:-1].lstrip("\"'“‘«([{*_")
    return (_SHORTENED.fullmatch(stem) or _DOTTED.fullmatch(stem)) is not None


def _is_weak(word: str) -> bool:
    return len(word) <= _WEAK_WORD and not characters_in(word)


def _sensible_cut(words: list[str]) -> int:
    """How many of the words to speak when no mark tells; all, unless the last ones lean on what follows."""
    weak = sum(1 for _ in takewhile(_is_weak, reversed(words)))
    return len(words) - weak or len(words)
