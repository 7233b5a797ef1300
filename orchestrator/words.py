"""The language model's text as words: re-chunked for the client, cleaned for the voice."""

_UNSPEAKABLE = str.maketrans({"*": None, "_": None, "`": None, "#": None, "’": "'", "‘": "'", "“": '"', "”": '"'})  # noqa: RUF001 - curly quotes are the point

_LONGEST = 1_000
"""Characters of a word. A model that runs wild, or writes without spaces, is cut there."""


class WordSplitter:
    """Turns a stream of text, cut anywhere, into whole words.

    Each word has one leading space if white space preceded it, so that joining them gives the text back with its runs
    of white space collapsed and none at the end: "  foo bar" → " foo", " bar".
    """

    def __init__(self) -> None:
        self._pending = ""

    def feed(self, text: str) -> list[str]:
        """Take in more text and return the words that are complete; the last is kept until white space follows it."""
        self._pending += text
        words = self._split()
        # What ends in white space is complete, but the space belongs to the next word.
        self._pending = " " if self._pending[-1:].isspace() else words.pop() if words else self._pending
        return words

    def finish(self) -> list[str]:
        """Return the last word, if there is one."""
        words, self._pending = self._split(), ""
        return words

    def _split(self) -> list[str]:
        words = [f" {word}" for word in self._pending.split()]
        if words and not self._pending[0].isspace():
            words[0] = words[0][1:]
        return [word[at : at + _LONGEST] for word in words for at in range(0, len(word), _LONGEST)]


def pronounceable(word: str) -> str:
    """Return what the voice should be given for a word; empty if there is nothing in it to say.

    Markdown's marks are dropped and curly quotes straightened (Unmute's rule); a word without a letter or digit, a lone
    dash or an emoji, would be spelled out or choked on.
    """
    cleaned = word.translate(_UNSPEAKABLE).strip()
    return cleaned if any(character.isalnum() for character in cleaned) else ""
