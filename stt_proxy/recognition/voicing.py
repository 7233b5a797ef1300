"""Where in a stream there was speech, by the detector.

Decoders find words in anything: in a cough, in the noise after a sentence. Their own confidence does not distinguish
these from real words (measured: noise is often decoded with more of it than speech). The detector does.
"""

from stt_proxy.recognition.words import TimedWord

SPEECH = 0.5
"""The detector's probability from which a chunk counts as speech."""

_SHARE = 0.3
"""How much of a word has to be speech."""


_AROUND = 3_200
"""Samples, 0.2 s: how far a roughly placed word may be from its speech."""


class Voicing:
    """The chunks of one stream, of `chunk` samples each, in which there was speech."""

    def __init__(self, chunk: int) -> None:
        self._chunk = chunk
        self._speech: list[bool] = []
        self._forgotten = 0
        """Chunks before the first of the list."""

    def feed(self, probability: float) -> None:
        """Take in the detector's probability of speech in the next chunk."""
        self._speech.append(probability >= SPEECH)

    def holds(self, word: TimedWord) -> bool:
        """Whether enough of the word is speech."""
        first = word.start // self._chunk - self._forgotten
        behind = -(-word.end // self._chunk) - self._forgotten
        chunks = self._speech[max(0, first) : max(0, behind)]
        return bool(chunks) and sum(chunks) >= _SHARE * len(chunks)

    def trimmed(self, word: TimedWord) -> TimedWord | None:
        """The word without the silence at both its ends; None: there is no speech at or close to it.

        For decoders that give only rough positions of words.
        """
        around = _AROUND // self._chunk
        first = max(0, word.start // self._chunk - self._forgotten)
        behind = -(-word.end // self._chunk) - self._forgotten
        voiced = [at for at in range(first, min(behind, len(self._speech))) if self._speech[at]]
        if voiced:
            start = max(word.start, (voiced[0] + self._forgotten) * self._chunk)
            return TimedWord(word.text, start, min(word.end, (voiced[-1] + 1 + self._forgotten) * self._chunk))
        return word if any(self._speech[max(0, first - around) : max(0, behind + around)]) else None

    def forget(self, before: int) -> None:
        """Drop what lies before this position."""
        surplus = before // self._chunk - self._forgotten
        if surplus > 0:
            del self._speech[:surplus]
            self._forgotten += surplus
