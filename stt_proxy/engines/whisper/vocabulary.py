"""Whisper's tokens, and how words are made of them.

A token is a piece of UTF-8, written with one printable character for each byte, or a mark such as `<|en|>`.
"""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

_SPACE = " "

_PRINTABLE = (*range(ord("!"), ord("~") + 1), *range(ord("¡"), ord("¬") + 1), *range(ord("®"), ord("ÿ") + 1))
"""Bytes that are written as the character of the same number. The others are written as those from 256 on."""


def _bytes_of_characters() -> dict[str, int]:
    others = [byte for byte in range(256) if byte not in _PRINTABLE]
    return {chr(byte): byte for byte in _PRINTABLE} | {chr(256 + at): byte for at, byte in enumerate(others)}


_BYTES = _bytes_of_characters()


class Spelled(NamedTuple):
    """A word and the tokens it is made of: those from `first` up to `behind` of a sequence."""

    text: str
    first: int
    behind: int


def _spoken(word: Spelled) -> bool:
    return any(each.isalnum() for each in word.text)


class Vocabulary:
    """The tokens of a model, by their numbers."""

    def __init__(self, file: Path) -> None:
        # Not splitlines(): tokens hold what else Unicode calls the end of a line.
        self._tokens = file.read_text(encoding="utf-8").removesuffix("\n").split("\n")
        self._marks = {token: number for number, token in enumerate(self._tokens) if token.startswith("<|")}
        self.end = self._marks["<|endoftext|>"]
        """The number of the first token that is no text."""

    def mark(self, name: str) -> int:
        """The number of a mark. Raises `KeyError`."""
        return self._marks[f"<|{name}|>"]

    def text(self, numbers: Sequence[int]) -> str:
        """What the tokens spell. Bytes that are no character yet become U+FFFD."""
        return self._bytes(numbers).decode("utf-8", "replace")

    def words(self, numbers: Sequence[int], *, spaced: bool) -> Iterator[Spelled]:
        """The words among text tokens: what stands between spaces; or, if not `spaced`, each character.

        What has no letter or digit in it belongs to the word before, or is left out.
        """
        word: Spelled | None = None
        for piece in self._characters(numbers):
            begins = piece.text.startswith(_SPACE) or not spaced
            text = piece.text.strip()
            if word is None or (begins and (_spoken(piece) or not _spoken(word))):
                if word and _spoken(word):
                    yield word
                word = Spelled(text, piece.first, piece.behind)
            elif begins and spaced:
                # A dash between two words, for one.
                word = Spelled(word.text, word.first, piece.behind)
            else:
                word = Spelled(word.text + text, word.first, piece.behind)
        if word and _spoken(word):
            yield word

    def _characters(self, numbers: Sequence[int]) -> Iterator[Spelled]:
        """The tokens, those together that share a character."""
        first = 0
        for behind in range(1, len(numbers) + 1):
            text = self.text(numbers[first:behind])
            if "\N{REPLACEMENT CHARACTER}" not in text or behind == len(numbers):
                yield Spelled(text, first, behind)
                first = behind

    def _bytes(self, numbers: Sequence[int]) -> bytes:
        return bytes(_BYTES[character] for number in numbers for character in self._tokens[number])
