"""One stream whose decoder is slower than speech, in simulated time: words come late, and none is lost."""

from collections.abc import Callable

import numpy as np
import pytest

from mesh.audio import FRAME_BYTES, FRAME_S, FRAME_SAMPLES
from stt_proxy.engine import Event, Flushed, Pause, Word
from stt_proxy.recognition import SAMPLE_RATE
from stt_proxy.recognition.pauses import PAUSING_ABOVE, SPEAKING_BELOW
from stt_proxy.recognition.words import TimedWord
from stt_proxy.windowed.decoder import Decoding
from stt_proxy.windowed.transcription import Window
from tests.speech import Samples, say
from tests.stt_proxy.hearing import microphone, silence
from tests.stt_proxy.windowed.simulated import SimulatedStream

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


class Caller:
    """Flushes at every pause, and notes what comes."""

    def __init__(self, takes: Callable[[Window], float], width: int) -> None:
        self.words: list[Word] = []
        self.flushes: list[int] = []
        self.answered: list[Flushed] = []
        self.scored_late_s = 0.0
        self.stream = SimulatedStream(decoding_of, takes, self._notify, width=width)
        self._speaking = False

    def _notify(self, event: Event) -> None:
        match event:
            case Word():
                self.words.append(event)
            case Flushed():
                self.answered.append(event)
            case Pause(probability, heard_s):
                self.scored_late_s = max(self.scored_late_s, self.stream.agenda.now - heard_s)
                if self._speaking and probability > PAUSING_ABOVE:
                    self._speaking = False
                    self.flushes.append(len(self.flushes) + 1)
                    self.stream.flush(self.flushes[-1])
                self._speaking = self._speaking or probability < SPEAKING_BELOW
            case _:
                pass


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
    caller = Caller(lambda window: takes_s * (1 + (window.end - window.start) / LONGEST_WINDOW), width)
    caller.stream.hear(pcm)

    numbers = [int(word.text[1:]) for word in caller.words]
    assert numbers == sorted(set(numbers))
    voiced = {number for number in range(len(pcm) // FRAME_BYTES * FRAME_SAMPLES // 12_000) if _voiced(pcm, number)}
    assert len(voiced) > 30
    assert not voiced - set(numbers)
    assert caller.answered == [Flushed(each) for each in caller.flushes]
    assert caller.scored_late_s < FRAME_S / 2
    assert not caller.stream.held_up
    assert caller.stream.idle
    assert max(window.end - window.start for window in caller.stream.windows) <= LONGEST_WINDOW


def _voiced(pcm: bytes, number: int) -> bool:
    """Whether there is speech throughout the half second of a number."""
    half = np.frombuffer(pcm, "<i2")[number * 12_000 : (number + 1) * 12_000].astype(np.float64)
    return bool(len(half) == 12_000 and np.sqrt(np.mean(half.reshape(5, -1) ** 2, axis=1)).min() > 200)
