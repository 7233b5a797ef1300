"""The language model's text as words: re-chunked for the client, cleaned for the voice."""

import html
import re

from mesh.text.writing import parts_of

_UNSPEAKABLE = str.maketrans(
    dict.fromkeys("*_`#[]") | {"|": " ", "’": "'", "‘": "'", "“": '"', "”": '"'}  # noqa: RUF001 - curly quotes are the point
)
_SIGNS = frozenset("+=%&@§€$£×÷<>")  # noqa: RUF001 - nor is that an x
"""Signs that are read out where they stand alone."""

_FENCE = "```"
_FOR_THE_EYE = (
    (re.compile(r"\]\((?:[^()]|\([^()]*\))*\)?"), ""),  # where a link leads
    (re.compile(r"<?https?://(?:www\.)?([^/\s?#<>]+)(?:[/?#][^\s<>]*?)?>?(?=[.,;:!?)\"']*$)"), r"\1"),
    (re.compile(r"</?[a-zA-Z][^<>]*>"), " "),  # a tag of HTML
    (re.compile("[\u2600-\u27bf\u2b00-\u2bff\U0001f000-\U0001faff\ufe0f\u20e3]+\u200d?"), ""),  # emoji
)
"""What is not for the ear, and what is said in its place."""

_LONGEST = 1_000
"""Characters of a word. A model that runs wild, or writes without spaces, is cut there."""


class WordSplitter:
    """Turns a stream of text, cut anywhere, into whole words. Where a script writes no spaces, its clauses are words.

    Each word has one leading space if white space preceded it, so that joining them gives the text back with its runs
    of white space collapsed and none at the end: "  foo bar" → " foo", " bar".
    """

    def __init__(self, *, after_words: bool = False) -> None:
        """`after_words`: others went before, so that the first has a space too."""
        self._pending = " " if after_words else ""

    def feed(self, text: str) -> list[str]:
        """Take in more text and return the words that are complete; the last is kept until white space follows it."""
        self._pending += text
        words = self._split()
        # What ends in white space is complete, but the space belongs to the next word.
        self._pending = " " if self._pending[-1:].isspace() else words.pop() if words else self._pending
        return list(map(_whole, words))

    def finish(self) -> list[str]:
        """Return the last word, if there is one."""
        words, self._pending = self._split(), ""
        return list(map(_whole, words))

    def _split(self) -> list[str]:
        words = [
            part if index else f" {part}" for word in self._pending.split() for index, part in enumerate(parts_of(word))
        ]
        if words and not self._pending[0].isspace():
            words[0] = words[0][1:]
        return [word[at : at + _LONGEST] for word in words for at in range(0, len(word), _LONGEST)]


def words_of(text: str) -> list[str]:
    """Return the words of a whole text."""
    splitter = WordSplitter()
    return [*splitter.feed(text), *splitter.finish()]


def _whole(word: str) -> str:
    """Return a word whose letters are whole: JSON may cut one into halves (surrogates), and send each by itself."""
    return word.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")


class SpokenTextFilter:
    """Turns written words, one after the other, into what the voice is to say for each.

    Markdown is for the eye: its marks are dropped and curly quotes straightened (Unmute's rule), of a link its text is
    read, of an address the host. Nothing is said of emoji, of what else has neither letters nor digits (a lone dash or
    colon would be spelled out or choked on), and of blocks of code.
    """

    def __init__(self) -> None:
        self._in_code = False

    def pronounceable(self, word: str) -> str:
        """Return what the voice should be given for the next word; empty if there is nothing in it to say."""
        before, *fences = word.split(_FENCE)
        code, self._in_code = self._in_code, self._in_code ^ bool(len(fences) % 2)
        if code:
            word = fences[-1] if fences and not self._in_code else ""
        elif fences:
            word = before
        return _pronounceable(word)


def _pronounceable(word: str) -> str:
    for pattern, replacement in _FOR_THE_EYE:
        word = pattern.sub(replacement, word)
    cleaned = " ".join(html.unescape(word).translate(_UNSPEAKABLE).split())
    can_be_said = cleaned.rstrip(".,;:!?") in _SIGNS or any(character.isalnum() for character in cleaned)
    return cleaned if can_be_said else ""
