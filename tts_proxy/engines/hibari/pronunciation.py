"""Turns a script into phonemes, and remembers where in the script each spoken word comes from.

hibari writes a text out before it reads it ("8:15 pm" becomes "eight fifteen P.M."). The words that stay as they were
say where the others belong.
"""

import unicodedata
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher
from typing import Any, NamedTuple

from tts_proxy.clauses.script import Script
from tts_proxy.spoken.readings import ENGLISH, readings
from tts_proxy.spoken.words import makes_sound

MOST_PHONEMES = 250
"""Phonemes of one piece. It bounds how much memory and time a piece takes."""
_PAD = 0
_MOST_DIGITS = 15
"""Digits of a number that is read as one; a longer one is no quantity, and is read digit by digit."""
_READ_BY_NAME = frozenset("²³¼½¾")
"""Numerals that hibari has a reading for: "squared", "one half"."""
_SPACE = " "
_MARKS = frozenset(';:,.!?—…"()“”ˈˌ ')
"""What the phonetic alphabet has beside sounds."""


class SpokenStart(NamedTuple):
    """Where a spoken word begins."""

    position: int
    """In the script: characters from its start."""
    phoneme: int
    """In its piece: the index of its first phoneme, pads included."""


@dataclass(frozen=True, slots=True)
class Piece:
    """Phonemes that are spoken in one go, by their numbers, with a pad at both ends."""

    phonemes: list[int]
    starts: list[SpokenStart]


class Pronunciation:
    """hibari's rules and dictionaries of one accent. One thread may use it at a time."""

    def __init__(self, *, british: bool, numbers: dict[str, int]) -> None:
        """`numbers` is the network's alphabet."""
        # Here, so that a proxy without this engine needs no such package.
        from hibari.g2p import G2P  # noqa: PLC0415
        from hibari.g2p.normalize import normalize  # noqa: PLC0415

        self._g2p: Any = G2P(british=british)
        self._normalize = normalize
        self._numbers = numbers

    def pieces(self, script: Script) -> list[Piece]:
        """Return how a script is pronounced; nothing where no word of it can be."""
        written = list(_written(script))
        said = self._normalize(_SPACE.join(word.text for word in written))
        sources = _sources([word.text for word in written], said.split())
        making = _Making(self._numbers)
        index = 0
        for token in self._g2p.phonemize_tokens(self._g2p.tokenize(said)):
            source = sources.get(index)
            making.add(token.phonemes or "", None if source is None else written[source].position)
            if token.whitespace:
                index += 1
                making.add(_SPACE, None)
        return making.finish()


class _Written(NamedTuple):
    text: str
    position: int


def _written(script: Script) -> Iterator[_Written]:
    """What is between two spaces, each with the position of its word in the script."""
    # A mark that stands alone belongs to the word before it.
    bounds = [*(word.start for word in script.words), len(script.text)]
    for word, end in zip(script.words, bounds[1:], strict=True):
        for text in readable(script.text[word.start : end]).split():
            yield _Written(text, word.start)


def readable(text: str) -> str:
    """Return what of a text hibari can read: letters of the Latin script, numbers and marks, written plainly."""
    plain = "".join(_plain(each) for character in text for each in _compatible(character))
    return _SPACE.join(_digit_by_digit(word) for word in plain.split())


def is_readable(word: str) -> bool:
    """Return whether hibari can say a word: whether any of its letters is Latin, or it has a number or a named sign."""
    return makes_sound(readable(*readings([word], ENGLISH)))


def _compatible(character: str) -> str:
    return (
        character
        if character in _READ_BY_NAME
        else unicodedata.normalize("NFKC", character).replace("\N{FRACTION SLASH}", "/")
    )


def _plain(character: str) -> str:
    """A character as hibari may read it; empty: it cannot."""
    if character in _READ_BY_NAME:
        return character
    kind = unicodedata.category(character)
    if kind == "Nd":
        return str(unicodedata.decimal(character))
    if kind[0] in "LM":
        return character if unicodedata.name(character, "").startswith("LATIN ") else ""
    # Other numerals than digits ("Ⅳ", "❶") are given no reading that fits.
    return "" if kind[0] == "N" else character


def _digit_by_digit(word: str) -> str:
    digits = sum(map(str.isdigit, word))
    return _SPACE.join(word) if digits > _MOST_DIGITS else word


def _sources(written: Sequence[str], said: Sequence[str]) -> dict[int, int]:
    """For words that are said, which written word each comes from. Others are somewhere between their neighbours."""
    found: dict[int, int] = {}
    for kind, first, last, said_first, said_last in SequenceMatcher(None, written, said, autojunk=False).get_opcodes():
        if kind == "equal" or last - first == said_last - said_first:
            found.update(zip(range(said_first, said_last), range(first, last), strict=True))
        elif kind == "replace":
            found[said_first] = first
    return found


class _Making:
    """Pieces in the making."""

    def __init__(self, numbers: dict[str, int]) -> None:
        self._numbers = numbers
        self._pieces: list[Piece] = []
        self._phonemes: list[int] = [_PAD]
        self._starts: list[SpokenStart] = []
        self._makes_sound = False

    def add(self, phonemes: str, position: int | None) -> None:
        """Add a word's phonemes; `position` is where the word was written, if that is known."""
        if len(self._phonemes) + len(phonemes) >= MOST_PHONEMES:
            self._close()
        for phoneme in phonemes:
            number = self._numbers.get(phoneme)
            if number is None:
                continue
            if len(self._phonemes) >= MOST_PHONEMES:
                self._close()
            if phoneme not in _MARKS:
                self._makes_sound = True
                if position is not None:
                    self._starts.append(SpokenStart(position, len(self._phonemes)))
                    position = None
            self._phonemes.append(number)

    def finish(self) -> list[Piece]:
        """The pieces."""
        self._close()
        return self._pieces

    def _close(self) -> None:
        if self._makes_sound:
            self._pieces.append(Piece([*self._phonemes, _PAD], self._starts))
        self._phonemes, self._starts, self._makes_sound = [_PAD], [], False
