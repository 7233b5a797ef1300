"""One stream's way from samples to events: what is speech, which windows are decoded when, what they make certain.

Nothing here waits. The stream gives samples and decodings in, and takes events and wishes for decodings out.
"""

from collections import deque
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np

from mesh.audio import SAMPLE_RATE as WORKING_RATE
from mesh.audio import Resampler
from mesh.text.writing import ends_sentence
from stt_proxy.engine import Event, Flushed, Partial, Pause, Word
from stt_proxy.recognition import CHUNK, FRAME, SAMPLE_RATE
from stt_proxy.recognition.pauses import PauseScore
from stt_proxy.recognition.samples import Samples, SampleWindow
from stt_proxy.recognition.utterances import LOOK_BACK
from stt_proxy.recognition.voicing import SPEECH, Voicing
from stt_proxy.recognition.words import TimedWord
from stt_proxy.windowed.agreement import Agreement
from stt_proxy.windowed.decoder import Decoding, Detector
from stt_proxy.windowed.languages import SpokenLanguage
from stt_proxy.windowed.schedule import Urgency

_CHUNK_S = CHUNK / SAMPLE_RATE

_FIRST = 3 * FRAME
"""Samples from the moment speech is known until the first window is decoded."""

_STEPS = (4 * FRAME, 6 * FRAME)
"""Samples from one window to the next: to the second, and to all after it. Less only costs processor time."""

_SETTLED = int(0.2 * SAMPLE_RATE)
"""Samples of silence after which a window holds all of what was said, if the pause goes on. They end most words."""

_LONG = 12 * SAMPLE_RATE
"""Samples after which a window moves on, past words that are certain."""

_LONGEST = 24 * SAMPLE_RATE
"""Samples after which an utterance ends even if nothing in it is certain."""

_MOST_PENDING = 4
"""Utterances whose last decoding may be outstanding before no more audio is taken."""


@dataclass(frozen=True, slots=True)
class Window:
    """Samples to be decoded, from position `start` up to `end`, and in which language."""

    utterance: "Utterance"
    start: int
    end: int
    samples: Samples = field(repr=False)
    language: str
    likely: str


@dataclass(eq=False, slots=True)
class Utterance:
    """What is said between two pauses. `start` is where its window begins."""

    start: int
    next_at: int
    """The position at which its next window should be decoded."""
    spoken_to: int
    """The end of the last speech in it."""
    end: int | None = None
    """None: it goes on."""
    asked: int = 0
    """How often a window was wanted."""
    window_end: int = 0
    """The end of the newest window that was taken."""
    heard_to: int = 0
    """The end of the newest window that was decoded."""
    agreement: Agreement = field(default_factory=Agreement)
    hypothesis: Sequence[TimedWord] = ()

    def settled(self, position: int) -> bool:
        """Whether a window up to `position` holds all that was said."""
        return position >= self.spoken_to + _SETTLED or (self.end is not None and position >= self.end)


class Transcription:
    """Recognises one stream. `ask` is called when a window should be decoded: see `window` and `decoded`."""

    def __init__(self, detector: Detector, language: SpokenLanguage, ask: Callable[[Urgency], None]) -> None:
        self._detector = detector
        self._language = language
        self._ask = ask
        self._resampler = Resampler(WORKING_RATE, SAMPLE_RATE)
        self._samples = SampleWindow()
        self._scored = 0
        """The position up to which the detector has heard."""
        self._pauses = PauseScore()
        self._voicing = Voicing(CHUNK)
        self._used = 0
        """The end of the utterance before."""
        self._utterance: Utterance | None = None
        self._pending: deque[Utterance | Flushed] = deque()
        """Utterances that have ended but are not decoded, and the flushes that wait for them."""
        self._undecoded: deque[Utterance] = deque()
        """Those of them of which no window is decoded that holds all."""
        self._guess = ""

    @property
    def behind(self) -> bool:
        """Whether so much is to be decoded that no more audio should be given."""
        return len(self._pending) >= _MOST_PENDING

    @property
    def idle(self) -> bool:
        """Whether everything that was said has been given."""
        return self._utterance is None and not self._pending

    def feed(self, pcm: bytes) -> Iterator[Event]:
        """Take in the next samples, 16-bit and 24 kHz; the pauses in them."""
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768)
        self._samples.write(self._resampler.process(samples))
        while self._samples.end >= self._scored + FRAME:
            self._scored += FRAME
            spoken = self._score(self._samples.read(self._scored - FRAME, self._scored))
            yield Pause(self._pauses.probability, self._scored / SAMPLE_RATE)
            yield from self._advance(spoken=spoken)
            self._forget()

    def flush(self, flush_id: int) -> Iterator[Event]:
        """End the utterance, if there is one, with the last sample so far, and answer the flush after its words."""
        yield from self._end(self._samples.end)
        self._pending.append(Flushed(flush_id))
        yield from self._answers()

    def finish(self) -> Iterator[Event]:
        """End the utterance, if there is one, with the last sample so far."""
        yield from self._end(self._samples.end)

    def window(self, urgency: Urgency) -> Window | None:
        """The window to be decoded now; None: what it was wanted for has passed."""
        if urgency == Urgency.FINAL:
            utterance = self._undecoded.popleft()
            assert utterance.end is not None  # noqa: S101 - it waits because it has ended
            end = utterance.end
        elif self._utterance is not None:
            utterance, end = self._utterance, self._scored
        else:
            return None
        utterance.window_end = end
        utterance.next_at = end + _STEPS[min(utterance.asked, len(_STEPS)) - 1]
        samples = self._samples.read(utterance.start, end)
        language, likely = self._language.told, self._language.likely
        return Window(utterance, utterance.start, end, samples, language, likely)

    def decoded(self, window: Window, decoding: Decoding) -> Iterator[Event]:
        """Take in what was made of a window; the words that are certain now, and what is answered by them."""
        utterance = window.utterance
        if window.end <= utterance.heard_to:
            return
        utterance.heard_to = window.end
        # The window may have moved on meanwhile.
        utterance.hypothesis = [
            word for word in self._spoken(window.start, decoding.words) if word.start + word.end > 2 * utterance.start
        ]
        self._language.note(decoding.language, decoding.certainty, window.end - window.start)
        if utterance is self._utterance and not self._pending:
            yield from self._words(utterance.agreement.revise(utterance.hypothesis, window.end))
            yield from self._new_guess(utterance)
            self._move_on(utterance)
        yield from self._answers()

    def _advance(self, *, spoken: bool) -> Iterator[Event]:
        position, score = self._scored, self._pauses
        utterance = self._utterance
        if utterance is None:
            if score.speaking:
                start = max(self._used, position - LOOK_BACK, self._samples.start)
                self._utterance = Utterance(start, position + _FIRST, position)
            return
        if spoken:
            utterance.spoken_to = position
        if not score.speaking:
            yield from self._end(position)
        elif utterance.settled(position) and not utterance.settled(utterance.window_end):
            self._want(utterance, Urgency.SETTLING)
        elif position >= utterance.next_at:
            self._want(utterance, Urgency.PARTIAL)
        if utterance.end is None and position - utterance.start > _LONGEST:
            # A decoder that is far behind has not heard all of it: it is decoded as it is, and what follows is another.
            yield from self._end(position)

    def _want(self, utterance: Utterance, urgency: Urgency) -> None:
        utterance.asked += 1
        utterance.next_at = self._scored + _STEPS[-1]
        self._ask(urgency)

    def _end(self, position: int) -> Iterator[Event]:
        """End the present utterance."""
        utterance = self._utterance
        if utterance is None:
            return
        self._utterance, self._used = None, position
        utterance.end = position
        self._pending.append(utterance)
        # A window that is being decoded may hold all of it.
        if not utterance.settled(utterance.window_end):
            self._undecoded.append(utterance)
            self._ask(Urgency.FINAL)
        yield from self._answers()

    def _answers(self) -> Iterator[Event]:
        """The last words of utterances that are decoded, and the flushes behind them, in order."""
        while self._pending:
            first = self._pending[0]
            if isinstance(first, Flushed):
                yield first
            elif first.settled(first.heard_to):
                yield from self._words(first.agreement.conclude(first.hypothesis))
                yield from self._new_guess(first)
            else:
                return
            self._pending.popleft()

    def _move_on(self, utterance: Utterance) -> None:
        """Drop audio whose words are certain from a long window, up to a sentence's end or else the longest gap."""
        words = utterance.agreement.committed
        if self._scored - utterance.start < _LONG or not words:
            return
        ends = [(word, after.start) for word, after in pairwise(words)]
        late = [each for each in ends if each[0].end > utterance.start + _LONG // 3] or ends[-1:]
        if not late:
            return
        sentence = [each for each in late if ends_sentence(each[0].text)]
        last, following = sentence[-1] if sentence else max(late, key=lambda each: each[1] - each[0].end)
        utterance.start = max(utterance.start, (last.end + following) // 2)
        utterance.agreement.move(utterance.start)

    def _score(self, frame: Samples) -> bool:
        """Have the detector hear a frame; whether there was speech in it."""
        speech = list(self._detector.feed(frame))
        for probability in speech:
            self._pauses.feed(probability, _CHUNK_S)
            self._voicing.feed(probability)
        return any(probability >= SPEECH for probability in speech)

    def _spoken(self, start: int, words: Sequence[TimedWord]) -> list[TimedWord]:
        """The words in which there was speech, at their places in the stream."""
        placed = (TimedWord(each.text, start + each.start, start + each.end) for each in words)
        return [trimmed for each in placed if (trimmed := self._voicing.trimmed(each))]

    def _forget(self) -> None:
        starts = [each.start for each in self._pending if isinstance(each, Utterance)]
        if self._utterance is not None:
            starts.append(self._utterance.start)
        earliest = min(starts, default=max(self._used, self._scored - LOOK_BACK))
        self._samples.forget(earliest)
        self._voicing.forget(earliest)

    def _words(self, words: Sequence[TimedWord]) -> Iterator[Event]:
        yield from (Word(word.text, word.start / SAMPLE_RATE, word.end / SAMPLE_RATE) for word in words)

    def _new_guess(self, utterance: Utterance) -> Iterator[Event]:
        partial = utterance.agreement.partial
        guess = " ".join(word.text for word in partial)
        if guess != self._guess:
            self._guess = guess
            yield Partial(guess, (partial[0].start if partial else self._scored) / SAMPLE_RATE)
