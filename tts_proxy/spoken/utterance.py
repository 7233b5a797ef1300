"""An engine's utterance that is given a written text: the engine gets what is said of it, the caller written words."""

from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator
from dataclasses import dataclass
from itertools import islice

from mesh.text.writing import parts_of
from tts_proxy.engine import Event, Utterance, Word
from tts_proxy.spoken.text import SpokenText, SpokenWord

_LONGEST_PART = 100
"""Characters of what an engine is given as one word: what is longer they would cut themselves."""
_MOST_EXPECTED = 10_000
"""Parts that are remembered of what an engine does not report."""
_LOOK_AHEAD = 32
"""Parts that an engine may leave out before what it reports counts as a word that it was not given."""


@dataclass(slots=True)
class _Expected:
    """A part that the engine may report, and the written word that ends with it."""

    text: str
    written: str | None


class WrittenWords:
    """Finds the written words in what an engine reports of the words that it was given.

    An engine reports them in order, may leave some out, and may report words that it was not given.
    """

    def __init__(self) -> None:
        self._expected: deque[_Expected] = deque(maxlen=_MOST_EXPECTED)
        self._begun: Word | None = None
        """Where the parts of a word lie whose last part has not been reported."""

    def give(self, word: SpokenWord) -> str:
        """Note a word; return what the engine is to be given for it."""
        parts = [
            part[at : at + _LONGEST_PART]
            for each in word.said.split()
            for part in parts_of(each)
            for at in range(0, len(part), _LONGEST_PART)
        ]
        last = len(parts) - 1
        self._expected.extend(_Expected(part, word.written if at == last else None) for at, part in enumerate(parts))
        return " ".join(parts)

    def report(self, word: Word) -> Iterator[Word]:
        """Take in a word of the engine's; the written words that are complete by now."""
        if all(each.text != word.text for each in islice(self._expected, _LOOK_AHEAD)):
            if self._begun is None:
                yield word
            return
        while True:
            expected = self._expected.popleft()
            reported = expected.text == word.text
            if reported:
                start_s = self._begun.start_s if self._begun else word.start_s
                self._begun = Word(word.text, start_s, word.stop_s)
            if expected.written is not None and self._begun:
                yield Word(expected.written, self._begun.start_s, self._begun.stop_s)
                self._begun = None
            if reported:
                return

    def finish(self) -> Iterator[Word]:
        """No more is reported; the written word whose beginning was."""
        while self._begun and self._expected:
            written = self._expected.popleft().written
            if written is not None:
                yield Word(written, self._begun.start_s, self._begun.stop_s)
                self._begun = None


class WrittenUtterance:
    """See `tts_proxy.engine.Utterance`. Its words are the written ones."""

    def __init__(self, utterance: Utterance) -> None:
        self._utterance = utterance
        self._text = SpokenText()
        self._words = WrittenWords()

    async def speak(self, text: str) -> None:
        """Add whole words, and the line breaks between them; waits while much is yet unspoken."""
        await self._give(self._text.feed(f"{text} "))

    async def finish(self) -> None:
        """No more text comes."""
        await self._give(self._text.finish())
        await self._utterance.finish()

    async def _give(self, words: Iterable[SpokenWord]) -> None:
        if text := " ".join(map(self._words.give, words)):
            await self._utterance.speak(text)

    async def __aiter__(self) -> AsyncIterator[Event]:
        """The speech."""
        async for event in self._utterance:
            if isinstance(event, Word):
                for word in self._words.report(event):
                    yield word
            else:
                yield event
        for word in self._words.finish():
            yield word
