"""One reply spoken clause by clause by a server that sends speech while it makes it, and no word times.

Word times are estimated: letters, times the seconds that this voice was seen to take for one. The end of a clause, once
it is known, corrects those of its words that are still to come. A small part of the newest audio is held back for that.
"""

from collections.abc import AsyncGenerator, AsyncIterator, Iterator, Sequence
from contextlib import aclosing
from itertools import accumulate
from typing import Final, Protocol

import numpy as np
from numpy.typing import NDArray

from mesh.audio import FRAME_SAMPLES, SAMPLE_RATE
from mesh.text.writing import characters_in
from tts_proxy.clauses.queue import ClauseQueue
from tts_proxy.clauses.script import Script, script_of
from tts_proxy.clauses.splitting import Ending
from tts_proxy.clauses.utterance import PAUSES_S
from tts_proxy.engine import Audio, Event, Word

_LOUD: Final = 100
"""What is above this can be heard, of a full scale of 32 768. Below lie rests and rounding."""
_LEAD_IN: Final = round(0.04 * SAMPLE_RATE)
"""Samples of silence that a clause may begin with; servers give up to half a second."""
_MOST_HELD: Final = SAMPLE_RATE // 2
_HELD_OF: Final = 4
"""So much of a clause is held back: a quarter, up to half a second. A server twice as fast as speech delays nobody."""

_SECONDS_PER_LETTER: Final = 0.07
_PRIOR_LETTERS: Final = 15.0
"""For how many letters the first estimate counts."""
_MEMORY: Final = 0.9
"""What earlier clauses count for, each time another is measured."""
_LETTERS_OF_A_DIGIT: Final = 4.0
_LETTERS_OF_A_CHARACTER: Final = 2.5
"""Of Chinese and Japanese."""

Samples = NDArray[np.int16]


class StreamingSpeaker(Protocol):
    """A voice as one utterance uses it."""

    def say(self, script: Script) -> AsyncGenerator[Samples, None]:
        """Speak a script, which has words: the samples at 24 000 Hz as they come. Closing this stops the synthesis."""


class Pace:
    """How long a voice takes for a letter, in seconds, from what it has said."""

    def __init__(self) -> None:
        self._letters = _PRIOR_LETTERS
        self._seconds = _PRIOR_LETTERS * _SECONDS_PER_LETTER

    @property
    def seconds_per_letter(self) -> float:
        """The present estimate."""
        return self._seconds / self._letters

    def note(self, letters: float, seconds: float) -> None:
        """Take in how long a clause was."""
        self._letters = self._letters * _MEMORY + letters
        self._seconds = self._seconds * _MEMORY + seconds


def letters_of(word: str) -> float:
    """How long it takes to say a word, in letters of an average one."""
    digits = sum(each.isdigit() for each in word)
    characters = characters_in(word)
    letters = sum(each.isalnum() for each in word) - digits - characters
    return max(1.0, letters + _LETTERS_OF_A_DIGIT * digits + _LETTERS_OF_A_CHARACTER * characters)


class ClauseStream:
    """The audio of one clause on its way, and the words in it; times are seconds from the utterance's first sample.

    The clause begins at the sample `start` of the utterance, with `pause` samples of silence before it, which are given
    if anything is. `finish` must be called before `samples` and `rest` are read.
    """

    def __init__(self, words: Sequence[str], pace: Pace, *, start: int = 0, pause: int = 0) -> None:
        self._words = words
        self._bounds = list(accumulate(map(letters_of, words), initial=0.0))
        self._pace = pace
        self._origin_s = (start + pause) / SAMPLE_RATE
        self._pause = pause
        self._held: Samples = np.zeros(0, np.int16)
        self._given = 0
        self._heard = False
        """Whether anything of it can be heard yet."""
        self._loud_to = 0
        self._next = 0
        self.received = 0
        """Samples that came, silence at the beginning included."""

    @property
    def samples(self) -> int:
        """How many were given, the pause before them included."""
        return self._pause + self._given if self._given else 0

    @property
    def rest(self) -> int:
        """With how many samples of silence it ended."""
        return self._given - self._loud_to

    def feed(self, samples: Samples) -> Iterator[Event]:
        """Take in what came; what can be given, each word before the audio that holds it."""
        self.received += len(samples)
        self._held = np.concatenate((self._held, samples))
        loud = np.flatnonzero((self._held > _LOUD) | (self._held < -_LOUD))
        if not self._heard:
            self._held = self._held[max(0, (loud[0] if len(loud) else len(self._held)) - _LEAD_IN) :]
            loud = loud - loud[0] + min(loud[0], _LEAD_IN) if len(loud) else loud
            self._heard = len(loud) > 0
        if len(loud):
            self._loud_to = self._given + int(loud[-1]) + 1
        if self._heard:
            arrived = self._given + len(self._held)
            yield from self._give(arrived - min(arrived // _HELD_OF, _MOST_HELD), self._pace.seconds_per_letter)

    def finish(self) -> Iterator[Event]:
        """No more comes: the words and the audio that are left."""
        letters = self._bounds[-1]
        end_s = self._loud_to / SAMPLE_RATE
        if self._heard:
            self._pace.note(letters, end_s)
        else:
            self._held = self._held[:0]
        yield from self._give(self._given + len(self._held), end_s / letters, to_the_end=True)

    def _give(self, to: int, seconds_per_letter: float, *, to_the_end: bool = False) -> Iterator[Event]:
        if to <= self._given and not to_the_end:
            return
        bounds = [bound * seconds_per_letter for bound in self._bounds]
        given_s = self._given / SAMPLE_RATE
        while self._next < len(self._words) and (to_the_end or bounds[self._next] < to / SAMPLE_RATE):
            # A word whose audio is gone already was estimated too late: it is spoken now.
            start_s = max(bounds[self._next], given_s)
            stop_s = max(bounds[self._next + 1], start_s)
            yield Word(self._words[self._next], self._origin_s + start_s, self._origin_s + stop_s)
            self._next += 1
        count = to - self._given
        if count > 0:
            silence = b"" if self._given else bytes(2 * self._pause)
            piece, self._held = self._held[:count], self._held[count:]
            self._given = to
            yield Audio(silence + piece.astype("<i2", copy=False).tobytes())


class StreamedUtterance:
    """An utterance; see `tts_proxy.engine`. `patience_s` is how long text may wait for the end of its clause."""

    def __init__(self, speaker: StreamingSpeaker, pace: Pace, patience_s: float) -> None:
        self._speaker = speaker
        self._pace = pace
        self._queue = ClauseQueue(patience_s)
        self._samples = 0
        self._pause_due = 0

    async def speak(self, text: str) -> None:
        """Add to what is said; waits while much is yet unspoken."""
        await self._queue.add(text)

    async def finish(self) -> None:
        """No more text comes."""
        self._queue.finish()

    async def __aiter__(self) -> AsyncIterator[Event]:
        """The speech."""
        while (clause := await self._queue.next()) is not None:
            script = script_of(clause)
            if script.words:
                async with aclosing(self._spoken(script, clause.ending)) as events:
                    async for event in events:
                        yield event

    async def _spoken(self, script: Script, ending: Ending) -> AsyncGenerator[Event, None]:
        words = [word.text for word in script.words]
        stream = ClauseStream(words, self._pace, start=self._samples, pause=self._pause_due)
        async with aclosing(self._speaker.say(script)) as pieces:
            async for piece in pieces:
                for event in stream.feed(piece):
                    yield event
        for event in stream.finish():
            yield event
        if stream.samples:
            self._samples += stream.samples
            self._queue.heard_later(stream.samples / SAMPLE_RATE)
            padding = 0 if ending is Ending.CUT or self._queue.at_end else -self._samples % FRAME_SAMPLES
            self._pause_due = max(0, round(PAUSES_S[ending] * SAMPLE_RATE) - stream.rest - padding)
            if padding:
                # The end of a clause must not wait in an unfilled frame for whatever follows.
                self._samples += padding
                yield Audio(bytes(2 * padding))
