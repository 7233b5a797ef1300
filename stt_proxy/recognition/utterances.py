"""Which parts of a stream a decoder should hear, as utterances: from shortly before speech begins until its pause.

An utterance that is not ended costs memory and holds back its words, so each pause, each flush and a limit end it.
"""

from dataclasses import dataclass

from stt_proxy.recognition import FRAME, SAMPLE_RATE

LOOK_BACK = int(0.5 * SAMPLE_RATE)
"""Samples. Speech is known for sure after about 0.25 s; as much again keeps the start of its first word."""

_CATCHING_UP = 2 * FRAME
"""Samples that are passed at a time while what was looked back at is not decoded yet. All of it at once would take so
long that the next frames' pauses were scored late: four people who begin together on two cores were 0.4 s to 0.8 s
behind with three frames at a time, 0.2 s to 0.6 s with two. A pause or a flush still ends all that was said."""

_LONG = 12 * SAMPLE_RATE
"""Samples after which an utterance ends at the next gap, however short."""

_LONGEST = 18 * SAMPLE_RATE
"""Samples after which an utterance ends even inside a word."""

_GAP = 0.1
"""The pause probability that is a gap between words: about 60 ms of silence."""


@dataclass(frozen=True, slots=True)
class Passage:
    """The samples from `start` up to `end` are for the decoder, in an utterance that `begins` and `ends` with them."""

    start: int
    end: int
    begins: bool
    ends: bool


class Utterances:
    """Cuts one stream. No sample is in two passages, and passages come in order.

    `began` is the position at which the present utterance began; None: there is no speech. An utterance of `long`
    samples ends at the next gap, and one of `longest` at once.
    """

    def __init__(self, long: int = _LONG, longest: int = _LONGEST) -> None:
        self.began: int | None = None
        self._used = 0
        self._long = long
        self._longest = longest

    def earliest(self, position: int) -> int:
        """The first sample that may be in a passage after `position`."""
        return self._used if self.began is not None else max(self._used, position - LOOK_BACK)

    def advance(self, position: int, *, speaking: bool, pause: float) -> Passage | None:
        """What to decode now that the stream has been scored up to `position`; None: nothing."""
        begins = self.began is None
        if begins:
            if not speaking:
                return None
            self._used = self.began = max(self._used, position - LOOK_BACK)
        ends = not speaking or self._too_long(position, pause)
        return self._pass(position if ends else min(position, self._used + _CATCHING_UP), begins=begins, ends=ends)

    def flush(self, position: int) -> Passage | None:
        """End what is being said at `position`, the end of the stream so far; None: nothing is being said."""
        if self.began is None:
            return None
        return self._pass(position, begins=False, ends=True)

    def _too_long(self, position: int, pause: float) -> bool:
        assert self.began is not None  # noqa: S101 - only asked inside an utterance
        length = position - self.began
        return length >= self._longest or (length >= self._long and pause >= _GAP)

    def _pass(self, end: int, *, begins: bool, ends: bool) -> Passage:
        passage = Passage(self._used, end, begins=begins, ends=ends)
        self._used = end
        if ends:
            self.began = None
        return passage
