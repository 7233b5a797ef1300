"""The rest of an answer that broke off, without what repeats its beginning.

Not every server goes on behind the assistant's last message: some models begin again, or with their last words.
"""

from collections.abc import Sequence

_A_RESTART = 3
"""Words that repeat the beginning before an answer that then differs counts as begun again."""


class Continuation:
    """Drops the first words of an answer that repeat what was `said`: all of it, its beginning, or its last words."""

    def __init__(self, said: Sequence[str]) -> None:
        self._said = [_plain(word) for word in said]
        self._starts = list(range(len(self._said)))
        """Where in what was said the answer may have begun."""
        self._held: list[str] = []

    def feed(self, word: str) -> list[str]:
        """Take in the next word; return the words that are new."""
        if not self._starts:
            return [word]
        at, began_again = len(self._held), 0 in self._starts
        self._held.append(word)
        plain = _plain(word)
        self._starts = [start for start in self._starts if self._said[start + at] == plain]
        if any(start + at + 1 == len(self._said) for start in self._starts):
            self._starts, self._held = [], []  # all of it was said
            return []
        if self._starts:
            return []
        held, self._held = self._held, []
        return held[at:] if began_again and at >= _A_RESTART else held

    def finish(self) -> list[str]:
        """The answer has ended; return the words that turn out to be new."""
        began_again = 0 in self._starts and len(self._held) >= _A_RESTART
        held, self._held = self._held, []
        return [] if began_again else held


def _plain(word: str) -> str:
    return "".join(filter(str.isalnum, word)).lower() or word.strip()
