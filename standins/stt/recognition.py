"""What the recogniser makes of frames: pause scores and words. It does no I/O and knows no time but the frames'."""

from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from standins.stt.options import SttOptions
from standins.wire import FRAME_S

VOCABULARY = (
    *("the", "river", "runs", "past", "a", "quiet", "house", "where", "seven", "people", "like"),
    *("to", "sit", "and", "watch", "small", "boats", "come", "home", "under", "evening", "light"),
)
"""What is heard when there is no script, in this order."""

_SPEECH, _PAUSE = 0.05, 0.95
_EAGERNESS = (-2, -1, 0, 3)
"""By how many frames each of the four heads reports a pause later than the others: the first is the most eager."""

_SAMPLED = 7
"""One in so many samples is looked at; it has no common factor with the sample rate or the frame."""


class HeardWord(NamedTuple):
    """A word, with its times in seconds of the audio."""

    text: str
    start_time: float


class WordEnded(NamedTuple):
    """The end of the word before."""

    stop_time: float


class Heard(NamedTuple):
    """What one frame brought."""

    prs: tuple[float, ...]
    events: list[HeardWord | WordEnded]


class SpeechModel:
    """One connection's audio, frame by frame."""

    def __init__(self, options: SttOptions) -> None:
        self.steps = 0
        self._options = options
        self._words = _endless(VOCABULARY)
        self._stretches = _endless(options.script) if options.script else None
        self._left: deque[str] = deque()
        """What is still to be heard in this stretch of speech, when there is a script."""
        self._voiced = 0
        """Frames of the word that is being spoken."""
        self._last_voiced = 0
        """The step of the last frame with energy."""
        self._silent = 0
        self._speaking = False
        self._boundary = 0.0
        """Where the last word ended."""
        self._due: deque[tuple[int, HeardWord | WordEnded]] = deque()
        """What is known but not told yet, and the step that tells."""

    def feed(self, frame: list[float]) -> Heard:
        """Take the next frame."""
        self.steps += 1
        if _power(frame) >= self._options.energy**2:
            self._hear_speech()
        else:
            self._hear_silence()
        events = []
        while self._due and self._due[0][0] <= self.steps:
            events.append(self._due.popleft()[1])
        return Heard(self._prs(), events)

    def _hear_speech(self) -> None:
        if not self._speaking and self._stretches:
            self._left.extend(next(self._stretches).split())
        self._speaking = True
        self._silent = 0
        self._voiced += 1
        self._last_voiced = self.steps
        if self._voiced == self._options.word_frames:
            self._end_word()

    def _hear_silence(self) -> None:
        self._silent += 1
        if self._silent == 1 and self._voiced:
            self._end_word()
        if self._silent >= self._options.pause_frames and self._speaking:
            self._speaking = False
            self._left.clear()
        elif self._silent == 1:
            # A script is heard to its end however short the speech was.
            while self._left:
                self._end_word()

    def _end_word(self) -> None:
        self._voiced = 0
        if self._stretches is None:
            text = next(self._words)
        elif self._left:
            text = self._left.popleft()
        else:
            return
        stop = self._last_voiced * FRAME_S
        told = self._last_voiced + self._options.delay_frames
        self._due.append((told, HeardWord(text, self._boundary)))
        self._due.append((told + 1, WordEnded(stop)))
        self._boundary = stop

    def _prs(self) -> tuple[float, ...]:
        if self.steps <= self._options.warm_up_steps:
            return (_PAUSE, _SPEECH, _PAUSE, _SPEECH) if self.steps % 2 else (_SPEECH, _PAUSE, _SPEECH, _PAUSE)
        return tuple(
            _PAUSE if self._silent >= max(1, self._options.pause_frames + later) else _SPEECH for later in _EAGERNESS
        )


def _power(frame: list[float]) -> float:
    """The mean square of a frame."""
    sampled = frame[::_SAMPLED]
    return sum(sample * sample for sample in sampled) / len(sampled)


def _endless(texts: tuple[str, ...]) -> Iterator[str]:
    while True:
        yield from texts
