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

_LONG, _TOO_LONG = 11 * SAMPLE_RATE, 14 * SAMPLE_RATE
"""Samples after which a window moves on past words that are certain: at a sentence's end or a gap, and at any word."""

_GAP = int(0.12 * SAMPLE_RATE)
"""Samples between two words that are a gap. Decoders leave out words of a window that begins inside a phrase."""

_LONGEST = 24 * SAMPLE_RATE
"""Samples after which an utterance ends even if nothing in it is certain. A decoder takes 30 s at most."""

_CUT_WITHIN = 8 * SAMPLE_RATE
"""Samples, the last of such an utterance, in whose quietest moment it is cut: a word that is cut in two is lost."""

_QUIET = SAMPLE_RATE // 10
"""Samples of that moment: the closure of a consonant is shorter."""

_TOGETHER = 28 * SAMPLE_RATE
"""Samples of a window that holds several utterances which a slow decoder has not come to. A long window takes little
more time than a short one, so this is how it catches up."""

_APART = 2 * SAMPLE_RATE
"""Samples that may lie between such utterances. Decoders stop at long silences."""

_LONGEST_BACKLOG = 60 * SAMPLE_RATE
"""Samples that may wait for their last decoding before no more audio is taken. Until then a slow decoder delays words
and nothing else: the scores of pauses come on time."""

_MOST_PENDING = 1_000
"""Utterances and flushes that may wait."""


@dataclass(frozen=True, slots=True)
class Window:
    """Samples to be decoded, from position `start` up to `end`, and in which language."""

    utterances: Sequence["Utterance"]
    """What it holds: one, or several that have ended, in order."""
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
    language: str = ""
    """What is spoken in it, once that is sure: later windows need not find out again."""
    agreement: Agreement = field(default_factory=Agreement)
    hypothesis: Sequence[TimedWord] = ()

    def holds(self, word: TimedWord) -> bool:
        """Whether a word is of it. Its window may move on, and it may be cut, while one is decoded."""
        middle = (word.start + word.end) // 2
        return middle > self.start and (self.end is None or middle < self.end)

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
        return len(self._pending) >= _MOST_PENDING or self._scored - self._earliest() > _LONGEST_BACKLOG

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
            return self._final_window()
        utterance = self._utterance
        if utterance is None:
            return None
        utterance.next_at = self._scored + _STEPS[min(utterance.asked, len(_STEPS)) - 1]
        return self._window([utterance], self._scored)

    def _final_window(self) -> Window | None:
        """What has ended and waits, as much as goes into a window; None: it went into the one before."""
        if not self._undecoded:
            return None
        together = [self._undecoded.popleft()]
        while self._undecoded and self._belongs(self._undecoded[0], together):
            together.append(self._undecoded.popleft())
        return self._window(together, _end_of(together[-1]))

    def _belongs(self, utterance: Utterance, together: Sequence[Utterance]) -> bool:
        close = utterance.start - _end_of(together[-1]) <= _APART
        return close and _end_of(utterance) - together[0].start <= _TOGETHER

    def _window(self, utterances: Sequence[Utterance], end: int) -> Window:
        for utterance in utterances:
            utterance.window_end = end
        start = utterances[0].start
        language = self._language.told or (utterances[0].language if len(utterances) == 1 else "")
        return Window(utterances, start, end, self._samples.read(start, end), language, self._language.likely)

    def decoded(self, window: Window, decoding: Decoding) -> Iterator[Event]:
        """Take in what was made of a window; the words that are certain now, and what is answered by them."""
        words = self._spoken(window.start, decoding.words)
        if self._language.note(decoding.language, decoding.certainty, window.end - window.start):
            for utterance in window.utterances:
                utterance.language = decoding.language
        for utterance, its_words in _shared(words, window.utterances):
            yield from self._revised(utterance, its_words, window.end)
        yield from self._answers()

    def _revised(self, utterance: Utterance, words: Sequence[TimedWord], heard_to: int) -> Iterator[Event]:
        """Take in what a window that ends at `heard_to` makes of one utterance."""
        if heard_to <= utterance.heard_to:
            return
        utterance.heard_to = heard_to
        utterance.hypothesis = [word for word in words if utterance.holds(word)]
        if utterance is self._utterance and not self._pending:
            yield from self._words(utterance.agreement.revise(utterance.hypothesis, heard_to))
            yield from self._new_guess(utterance)
            self._move_on(utterance)

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
            certain = max((word.end for word in utterance.agreement.committed), default=0)
            cut = self._quietest(min(max(position - _CUT_WITHIN, certain), position - 2 * _QUIET), position)
            yield from self._end(cut)
            self._utterance = Utterance(cut, position + _FIRST, utterance.spoken_to)

    def _quietest(self, start: int, end: int) -> int:
        """The middle of the quietest moment between two positions."""
        power = np.cumsum(np.square(self._samples.read(start, end), dtype=np.float64))
        return start + int(np.argmin(power[_QUIET:] - power[:-_QUIET])) + _QUIET // 2

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
                said = [word for word in first.hypothesis if first.holds(word)]
                yield from self._words(first.agreement.conclude(said))
                yield from self._new_guess(first)
            else:
                return
            self._pending.popleft()

    def _move_on(self, utterance: Utterance) -> None:
        """Drop audio whose words are certain from a long window, up to a sentence's end or else the longest gap."""
        length = self._scored - utterance.start
        if length < _LONG:
            return
        ends = [(word, after.start) for word, after in pairwise(utterance.agreement.committed)]
        late = [each for each in ends if each[0].end > utterance.start + _LONG // 3]
        if sentences := [each for each in late if ends_sentence(each[0].text)]:
            last, following = sentences[-1]
        elif length >= _TOO_LONG and ends:
            last, following = max(late or ends[-1:], key=_gap)
        elif gaps := [each for each in late if _gap(each) >= _GAP]:
            last, following = max(gaps, key=_gap)
        else:
            return
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
        earliest = self._earliest()
        self._samples.forget(earliest)
        self._voicing.forget(earliest)

    def _earliest(self) -> int:
        """The first sample that may still be decoded."""
        if waiting := next((each for each in self._pending if isinstance(each, Utterance)), self._utterance):
            return waiting.start
        return max(self._used, self._scored - LOOK_BACK)

    def _words(self, words: Sequence[TimedWord]) -> Iterator[Event]:
        yield from (Word(word.text, word.start / SAMPLE_RATE, word.end / SAMPLE_RATE) for word in words)

    def _new_guess(self, utterance: Utterance) -> Iterator[Event]:
        partial = utterance.agreement.partial
        guess = " ".join(word.text for word in partial)
        if guess != self._guess:
            self._guess = guess
            yield Partial(guess, (partial[0].start if partial else self._scored) / SAMPLE_RATE)


def _gap(end: tuple[TimedWord, int]) -> int:
    """The samples between a word and the start of the next."""
    word, following = end
    return following - word.end


def _end_of(utterance: Utterance) -> int:
    assert utterance.end is not None  # noqa: S101 - it waits because it has ended
    return utterance.end


def _shared(
    words: Sequence[TimedWord], utterances: Sequence[Utterance]
) -> Iterator[tuple[Utterance, Sequence[TimedWord]]]:
    """The words of each utterance: those whose middle is before its end, and all that are left to the last."""
    left = list(words)
    for utterance in utterances[:-1]:
        behind = next((at for at, word in enumerate(left) if word.start + word.end > 2 * _end_of(utterance)), len(left))
        yield utterance, left[:behind]
        left = left[behind:]
    yield utterances[-1], left
