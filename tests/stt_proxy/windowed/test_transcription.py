"""One stream's decisions with the real detector, real speech, and a decoder that says by script what it hears."""

from collections.abc import Callable

import numpy as np

from mesh.audio import FRAME_BYTES, FRAME_S
from stt_proxy.engine import Event, Flushed, Partial, Word
from stt_proxy.recognition import SAMPLE_RATE
from stt_proxy.recognition.detector import SpeechDetector
from stt_proxy.recognition.words import TimedWord
from stt_proxy.windowed.decoder import Decoding
from stt_proxy.windowed.languages import SpokenLanguage
from stt_proxy.windowed.schedule import Schedule, Urgency
from stt_proxy.windowed.transcription import Transcription, Window
from tests.speech import Samples, say
from tests.stt_proxy.hearing import frames, microphone, silence

TEXT = "My brother works in a big hospital near the river."
STEP = SAMPLE_RATE // 2


def every_half_second(window: Window) -> Decoding:
    """A word for each half of a second, wherever it is in the stream: "w3" from 1.5 s to 2 s."""
    numbers = range(-(-window.start // STEP), window.end // STEP)
    words = [TimedWord(f"w{n}", n * STEP - window.start, (n + 1) * STEP - window.start) for n in numbers]
    return Decoding(tuple(words), "en")


class Listening:
    """A stream whose windows are decoded as soon as they are wanted."""

    def __init__(self, decode: Callable[[Window], Decoding] = every_half_second) -> None:
        self.windows: list[tuple[Urgency, Window]] = []
        self.events: list[tuple[float, Event]] = []
        self.now = 0.0
        self.language = SpokenLanguage("", "en")
        self._decode = decode
        self._schedule: Schedule[str] = Schedule()
        self._transcription = Transcription(
            SpeechDetector(), self.language, lambda urgency: self._schedule.ask("", urgency)
        )

    def hear(self, *sounds: Samples) -> None:
        for frame in frames(microphone(*sounds)):
            self.now += FRAME_S
            self._take(list(self._transcription.feed(frame)))

    def flush(self, flush_id: int) -> None:
        self._take(list(self._transcription.flush(flush_id)))

    def _take(self, events: list[Event]) -> None:
        self.events += [(self.now, event) for event in events]
        while job := self._schedule.begin():
            window = self._transcription.window(job.urgency)
            if window is not None:
                self.windows.append((job.urgency, window))
                decoded = self._transcription.decoded(window, self._decode(window))
                self.events += [(self.now, event) for event in decoded]
            self._schedule.end(job)

    @property
    def words(self) -> list[str]:
        return [event.text for _, event in self.events if isinstance(event, Word)]

    @property
    def idle(self) -> bool:
        return self._transcription.idle


def spoken(seconds: float) -> Samples:
    """Somebody who talks without a pause."""
    sentence = say(TEXT)
    return np.resize(sentence, round(seconds * 24_000)).astype(np.float32)


def test_nothing_is_decoded_where_nobody_speaks() -> None:
    stream = Listening()
    stream.hear(silence(5))
    stream.flush(3)
    assert stream.windows == []
    assert stream.events[-1][1] == Flushed(3)


def test_the_first_word_comes_within_a_second_and_words_while_speech_goes_on() -> None:
    stream = Listening()
    stream.hear(silence(1), spoken(4))
    came = [(now, event) for now, event in stream.events if isinstance(event, Word)]
    assert came[0][0] < 1 + 0.3 + 1
    assert len(came) >= 4
    assert all(now - event.end_s < 1.5 for now, event in came)
    assert isinstance(stream.events[-1][1], Partial) or stream.words


def test_what_settles_before_the_pause_needs_no_further_decoding() -> None:
    stream = Listening()
    stream.hear(silence(1), say(TEXT), silence(1.5))
    assert [urgency for urgency, _ in stream.windows][-1] == Urgency.SETTLING
    assert Urgency.FINAL not in [urgency for urgency, _ in stream.windows]
    assert stream.idle
    count = len(stream.windows)
    stream.flush(1)
    assert len(stream.windows) == count
    assert stream.events[-1][1] == Flushed(1)


def test_a_flush_in_the_middle_of_speech_ends_the_utterance_there() -> None:
    stream = Listening()
    stream.hear(silence(1), spoken(2))
    stream.flush(1)
    assert stream.windows[-1][0] == Urgency.FINAL
    flushed = [event for _, event in stream.events].index(Flushed(1))
    assert all(not isinstance(event, Word) for _, event in stream.events[flushed:])
    assert stream.words[-1] == f"w{round(3 * SAMPLE_RATE) // STEP - 1}"
    stream.hear(spoken(2))
    assert stream.windows[-1][1].start >= stream.windows[-1][1].utterances[0].start >= 3 * SAMPLE_RATE - STEP


def test_a_minute_of_dictation_is_heard_once_and_its_windows_stay_short() -> None:
    stream = Listening()
    stream.hear(silence(1), spoken(60), silence(1.5))
    numbers = [int(word[1:]) for word in stream.words]
    assert numbers == sorted(set(numbers))
    assert len(numbers) >= 115
    assert max(window.end - window.start for _, window in stream.windows) <= 15 * SAMPLE_RATE


def test_windows_in_which_nothing_agrees_move_on_too() -> None:
    count = 0

    def babble(window: Window) -> Decoding:
        nonlocal count
        count += 1
        return Decoding((TimedWord(f"a{count}", 0, STEP), TimedWord(f"b{count}", STEP, window.end - window.start)))

    stream = Listening(babble)
    stream.hear(silence(1), spoken(60), silence(1.5))
    assert max(window.end - window.start for _, window in stream.windows) <= 25 * SAMPLE_RATE
    assert stream.idle


def test_words_without_speech_are_left_out() -> None:
    def late(window: Window) -> Decoding:
        length = window.end - window.start
        words = (TimedWord("said", length // 3, length // 2), TimedWord("you", 20 * SAMPLE_RATE, 21 * SAMPLE_RATE))
        return Decoding(words)

    stream = Listening(late)
    stream.hear(silence(1), say(TEXT), silence(1.5))
    assert set(stream.words) == {"said"}


def test_a_language_is_found_out_once_an_utterance() -> None:
    stream = Listening(lambda window: Decoding((), window.language or "fr", 0.95))
    stream.hear(silence(1), say(TEXT), silence(1.5), say(TEXT), silence(1.5))
    told = [(window.end - window.start, window.language, window.likely) for _, window in stream.windows]
    found = [at for at, (length, language, _) in enumerate(told) if not language and length >= 1.5 * SAMPLE_RATE]
    # Every window before one that is long enough; none after it but the first ones of the other utterance.
    assert len(found) == 2
    assert told[0][1:] == ("", "en")
    assert {each[1:] for each in told[found[0] + 1 :]} == {("fr", "fr"), ("", "fr")}


def test_a_language_that_is_not_sure_is_found_out_again() -> None:
    stream = Listening(lambda _: Decoding((), "fr", 0.5))
    stream.hear(silence(1), say(TEXT), silence(1.5))
    assert {(window.language, window.likely) for _, window in stream.windows} == {("", "en")}


def test_a_language_that_was_told_is_the_only_one() -> None:
    stream = Listening(lambda _: Decoding((), "de", 1.0))
    stream.language.told = "de"
    stream.hear(silence(1), say(TEXT), silence(1.5))
    assert {window.language for _, window in stream.windows} == {"de"}


def test_every_frame_is_scored_at_once() -> None:
    stream = Listening()
    stream.hear(silence(1), spoken(1))
    assert len(microphone(silence(1), spoken(1))) // FRAME_BYTES == sum(
        type(event).__name__ == "Pause" for _, event in stream.events
    )
