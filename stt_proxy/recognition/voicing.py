"""Where in a stream there was speech, by the detector.

Decoders find words in anything: in a cough, in the noise after a sentence. Their own confidence does not tell these
from real words (measured: noise is often decoded with more of it than speech), the detector does.
"""

from stt_proxy.recognition.words import TimedWord

_SPEECH = 0.5
"""The detector's probability from which a chunk counts as speech."""

_SHARE = 0.3
"""How much of a word has to be speech."""


class Voicing:
    """The chunks of one stream, of `chunk` samples each, in which there was speech."""

    def __init__(self, chunk: int) -> None:
        self._chunk = chunk
        self._speech: list[bool] = []
        self._forgotten = 0
        """Chunks before the first of the list."""

    def feed(self, probability: float) -> None:
        """Take in the detector's probability of speech in the next chunk."""
        self._speech.append(probability >= _SPEECH)

    def holds(self, word: TimedWord) -> bool:
        """Whether enough of the word is speech."""
        first = word.start // self._chunk - self._forgotten
        behind = -(-word.end // self._chunk) - self._forgotten
        chunks = self._speech[max(0, first) : max(0, behind)]
        return bool(chunks) and sum(chunks) >= _SHARE * len(chunks)

    def forget(self, before: int) -> None:
        """Drop what lies before this position."""
        surplus = before // self._chunk - self._forgotten
        if surplus > 0:
            del self._speech[:surplus]
            self._forgotten += surplus
