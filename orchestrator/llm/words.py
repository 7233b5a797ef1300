"""The language model's text as words."""

import re

from mesh.text.writing import parts_of

_WORD = re.compile(r"(\s*)(\S+)")
_LONGEST = 1_000
"""Characters of a word. A model that runs wild, or writes without spaces, is cut there."""


class WordSplitter:
    r"""Turns a stream of text, cut anywhere, into whole words. Where a script writes no spaces, its clauses are words.

    Each word has one leading space if white space preceded it, or one or two line breaks if these were in it, so that
    joining them gives the text back with its runs of white space collapsed and none at the end:
    "  foo bar\n\n- baz" → " foo", " bar", "\n\n-", " baz".
    """

    def __init__(self, *, after_words: bool = False) -> None:
        """`after_words`: others went before, so that the first has a space too."""
        self._pending = " " if after_words else ""

    def feed(self, text: str) -> list[str]:
        """Take in more text and return the words that are complete; the last is kept until white space follows it."""
        self._pending += text
        words = self._split()
        # What ends in white space is complete, but the space belongs to the next word.
        space = self._pending[len(self._pending.rstrip()) :]
        self._pending = _collapsed(space) if space or not words else words.pop()
        return list(map(_whole, words))

    def finish(self) -> list[str]:
        """Return the last word, if there is one."""
        words, self._pending = self._split(), ""
        return list(map(_whole, words))

    def _split(self) -> list[str]:
        words = [
            part if index else f"{_collapsed(space)}{part}"
            for space, word in _WORD.findall(self._pending)
            for index, part in enumerate(parts_of(word))
        ]
        return [word[at : at + _LONGEST] for word in words for at in range(0, len(word), _LONGEST)]


def words_of(text: str) -> list[str]:
    """Return the words of a whole text."""
    splitter = WordSplitter()
    return [*splitter.feed(text), *splitter.finish()]


def _collapsed(space: str) -> str:
    return "\n" * min(space.count("\n"), 2) or " " * bool(space)


def _whole(word: str) -> str:
    """Return a word whose letters are whole: JSON may cut one into halves (surrogates), and send each by itself."""
    return word.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
