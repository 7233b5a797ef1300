"""When the words of changing hypotheses are certain: when two decodings in a row agree on them.

Each hypothesis covers the same window and more. Case and punctuation do not count for the agreement, because a decoder
writes a full stop wherever the audio ends; what is committed is written as in the newer one. Later hypotheses may
disagree with committed words: they then only tell what comes after these.
"""

from collections.abc import Sequence

from stt_proxy.recognition import SAMPLE_RATE
from stt_proxy.recognition.words import TimedWord

_OPEN_END = int(0.3 * SAMPLE_RATE)
"""Samples. The last word of a hypothesis may go on after the window if it ends closer to its end than this."""


def same(one: TimedWord, other: TimedWord) -> bool:
    """Whether both are the same word, written the one way or the other."""
    return _plain(one.text) == _plain(other.text)


def _plain(text: str) -> str:
    letters = "".join(each for each in text.casefold() if each.isalnum())
    return letters or text


class Agreement:
    """The words of one utterance. `partial` is what is not committed of the newest hypothesis."""

    def __init__(self) -> None:
        self.partial: Sequence[TimedWord] = ()
        self.committed: list[TimedWord] = []
        """The committed words that lie in the window."""
        self._committed_to = 0

    def revise(self, hypothesis: Sequence[TimedWord], heard: int) -> list[TimedWord]:
        """Take in what is made of the window, which ends at position `heard`; the words that are certain now."""
        rest = self._after_commitment(hypothesis)
        agreed = 0
        for before, now in zip(self.partial, rest, strict=False):
            if not same(before, now):
                break
            agreed += 1
        if agreed and agreed == len(rest) and rest[-1].end > heard - _OPEN_END:
            agreed -= 1
        self.partial = rest[agreed:]
        return self._commit(rest[:agreed])

    def conclude(self, hypothesis: Sequence[TimedWord]) -> list[TimedWord]:
        """Take in the last hypothesis of the utterance; all words that were not committed before."""
        self.partial = ()
        return self._commit(self._after_commitment(hypothesis))

    def move(self, start: int) -> None:
        """The window begins at position `start` from now on."""
        self.committed = [word for word in self.committed if word.start + word.end > 2 * start]

    def _after_commitment(self, hypothesis: Sequence[TimedWord]) -> list[TimedWord]:
        """The words of the hypothesis that come after the committed ones."""
        done = self._committed_to
        known = _covered(self.committed, hypothesis)
        if known is None:
            rest = [each for each in hypothesis if each.start + each.end > 2 * done]
        else:
            rest = list(hypothesis[known:])
        words = []
        for each in rest:
            start = max(each.start, done)
            done = max(each.end, start)
            words.append(TimedWord(each.text, start, done))
        return words

    def _commit(self, words: list[TimedWord]) -> list[TimedWord]:
        if words:
            self.committed += words
            self._committed_to = words[-1].end
        return words


def _covered(committed: Sequence[TimedWord], hypothesis: Sequence[TimedWord]) -> int | None:
    """How many words of the hypothesis are what the committed words have become in it; None: it cannot be told.

    That is the beginning of the hypothesis that differs least from the committed words; of several that differ as
    little, the one whose end is closest to theirs.
    """
    if not committed:
        return 0
    row = list(range(len(hypothesis) + 1))
    for number, word in enumerate(committed, start=1):
        diagonal, row[0] = row[0], number
        for place, other in enumerate(hypothesis, start=1):
            change = diagonal + (not same(word, other))
            diagonal, row[place] = row[place], min(row[place] + 1, row[place - 1] + 1, change)
    fewest = min(row)
    if fewest > 1 and 2 * fewest > len(committed):
        return None
    ends = [hypothesis[0].start if hypothesis else 0, *(word.end for word in hypothesis)]
    target = committed[-1].end
    return min((place for place, cost in enumerate(row) if cost == fewest), key=lambda place: abs(ends[place] - target))
