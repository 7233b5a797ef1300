"""One stream whose decoder is slower than speech, in simulated time: words come late, and none is lost."""

import heapq
import itertools
from collections.abc import Callable, Iterable

import numpy as np
import pytest

from mesh.audio import FRAME_BYTES, FRAME_S, FRAME_SAMPLES
from stt_proxy.engine import Event, Flushed, Pause, Word
from stt_proxy.recognition import SAMPLE_RATE
from stt_proxy.recognition.detector import SpeechDetector
from stt_proxy.recognition.pauses import PAUSING_ABOVE, SPEAKING_BELOW
from stt_proxy.recognition.words import TimedWord
from stt_proxy.windowed.decoder import Decoding
from stt_proxy.windowed.languages import SpokenLanguage
from stt_proxy.windowed.schedule import Job, Schedule
from stt_proxy.windowed.transcription import Transcription, Window
from tests.speech import Samples, say
from tests.stt_proxy.hearing import frames, microphone, silence

LONGEST_WINDOW = 30 * SAMPLE_RATE
STEP = SAMPLE_RATE // 2
SENTENCES = (
    "My brother works in a big hospital near the river.",
    "He says that the nights are long, and that the coffee is bad.",
    "On Sundays we go for a walk together.",
)


def decoding_of(window: Window) -> Decoding:
    """A word for each half of a second whose middle is in the window: "w3" from 1.5 s to 2 s of the stream."""
    numbers = range((window.start + STEP // 2 - 1) // STEP, (window.end + STEP // 2 - 1) // STEP)
    words = [TimedWord(f"w{n}", n * STEP - window.start, (n + 1) * STEP - window.start) for n in numbers]
    return Decoding(tuple(words), "en")


class SlowStream:
    """A stream that is sent frames in real time, with a caller who flushes at every pause.

    `takes` is how many seconds each of `width` decoders is busy with a window.
    """

    def __init__(self, takes: Callable[[Window], float], *, width: int = 1) -> None:
        self.windows: list[Window] = []
        self.words: list[tuple[float, Word]] = []
        self.flushes: list[int] = []
        self.answered: list[Flushed] = []
        self.scored_late_s = 0.0
        self._takes = takes
        self._width = width
        self._speaking = False
        self._schedule: Schedule[str] = Schedule()
        self._transcription = Transcription(
            SpeechDetector(), SpokenLanguage("", "en"), lambda urgency: self._schedule.ask("", urgency)
        )
        self._order = itertools.count()
        self._agenda: list[tuple[float, int, bytes | tuple[Job[str], Window]]] = []

    def hear(self, pcm: bytes) -> None:
        for number, frame in enumerate(frames(pcm), start=1):
            heapq.heappush(self._agenda, (number * FRAME_S, next(self._order), frame))
        while self._agenda:
            now, _, what = heapq.heappop(self._agenda)
            if isinstance(what, bytes):
                assert not self._transcription.behind
                self._take(now, self._transcription.feed(what))
            else:
                job, window = what
                self._schedule.end(job)
                self._take(now, self._transcription.decoded(window, decoding_of(window)))
            self._begin(now)
        assert self._transcription.idle

    def _begin(self, now: float) -> None:
        while self._schedule.running < self._width and (job := self._schedule.begin()):
            window = self._transcription.window(job.urgency)
            if window is None:
                self._schedule.end(job)
            else:
                self.windows.append(window)
                heapq.heappush(self._agenda, (now + self._takes(window), next(self._order), (job, window)))

    def _take(self, now: float, events: Iterable[Event]) -> None:
        for event in list(events):
            match event:
                case Word():
                    self.words.append((now, event))
                case Flushed():
                    self.answered.append(event)
                case Pause():
                    self.scored_late_s = max(self.scored_late_s, now - event.heard_s)
                    self._scored(now, event.probability)
                case _:
                    pass

    def _scored(self, now: float, pausing: float) -> None:
        if self._speaking and pausing > PAUSING_ABOVE:
            self.flushes.append(len(self.flushes) + 1)
            self._take(now, self._transcription.flush(self.flushes[-1]))
        self._speaking = pausing < SPEAKING_BELOW or (self._speaking and pausing <= PAUSING_ABOVE)


def without_a_pause(seconds: float) -> Samples:
    return np.resize(say(SENTENCES[0]), round(seconds * 24_000)).astype(np.float32)


def with_pauses(pause_s: float) -> Samples:
    return np.concatenate([each for text in SENTENCES * 4 for each in (say(text), silence(pause_s))])


@pytest.mark.parametrize("pause_s", [0.0, 0.7])
@pytest.mark.parametrize(("takes_s", "width"), [(1.3, 2), (10.0, 1)])
def test_no_word_is_lost_however_long_a_decoding_takes(pause_s: float, takes_s: float, width: int) -> None:
    """A decoding of 30 s takes twice as long as one of a second."""
    speech = with_pauses(pause_s) if pause_s else without_a_pause(45)
    pcm = microphone(silence(1), speech, silence(1.5))
    stream = SlowStream(lambda window: takes_s * (1 + (window.end - window.start) / LONGEST_WINDOW), width=width)
    stream.hear(pcm)

    numbers = [int(word.text[1:]) for _, word in stream.words]
    assert numbers == sorted(set(numbers))
    voiced = {number for number in range(len(pcm) // FRAME_BYTES * FRAME_SAMPLES // 12_000) if _voiced(pcm, number)}
    assert len(voiced) > 30
    assert not voiced - set(numbers)
    assert stream.answered == [Flushed(each) for each in stream.flushes]
    assert stream.scored_late_s < FRAME_S / 2
    assert max(window.end - window.start for window in stream.windows) <= LONGEST_WINDOW


def _voiced(pcm: bytes, number: int) -> bool:
    """Whether there is speech throughout the half second of a number."""
    half = np.frombuffer(pcm, "<i2")[number * 12_000 : (number + 1) * 12_000].astype(np.float64)
    return bool(len(half) == 12_000 and np.sqrt(np.mean(half.reshape(5, -1) ** 2, axis=1)).min() > 200)
