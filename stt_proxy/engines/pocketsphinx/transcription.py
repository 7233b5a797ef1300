"""One stream's way from samples to events, inside a worker: detector, decoder and the decisions between them."""

from collections.abc import Iterator

import numpy as np

from mesh.audio import SAMPLE_RATE as WORKING_RATE
from mesh.audio import Resampler
from stt_proxy.engine import Event, Partial, Pause, Word
from stt_proxy.engines.pocketsphinx.models import Decoder
from stt_proxy.engines.pocketsphinx.samples import with_noise_floor
from stt_proxy.recognition import CHUNK, FRAME, SAMPLE_RATE
from stt_proxy.recognition.detector import SpeechDetector
from stt_proxy.recognition.levels import Level
from stt_proxy.recognition.pauses import PauseScore
from stt_proxy.recognition.samples import Samples, SampleWindow
from stt_proxy.recognition.utterances import Passage, Utterances
from stt_proxy.recognition.voicing import Voicing
from stt_proxy.recognition.words import CommittedWords, TimedWord, real_words

_CHUNK_S = CHUNK / SAMPLE_RATE
_SPEECH_FRAME = 0.5
"""The mean probability of its chunks from which a frame is speech."""


class Transcription:
    """Recognises one stream with a detector and a decoder, which it makes forget the stream before.

    `utterances` says where the stream is cut; None: where Parley's own limits say.
    """

    def __init__(self, detector: SpeechDetector, decoder: Decoder, utterances: Utterances | None = None) -> None:
        detector.reset()
        decoder.reset()
        self._detector = detector
        self._decoder = decoder
        self._resampler = Resampler(WORKING_RATE, SAMPLE_RATE)
        self._window = SampleWindow()
        self._scored = 0
        """The position up to which the detector has heard."""
        self._pauses = PauseScore()
        self._voicing = Voicing(CHUNK)
        self._utterances = utterances or Utterances()
        self._level = Level()
        self._gain = 1.0
        self._commitment = CommittedWords()
        self._guess = ""

    def feed(self, pcm: bytes) -> Iterator[Event]:
        """Take in the next samples. A frame's pause comes before its decoding, which may take longer than the frame."""
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768)
        self._window.write(self._resampler.process(samples))
        while self._window.end >= self._scored + FRAME:
            self._scored += FRAME
            self._score(self._window.read(self._scored - FRAME, self._scored))
            score = self._pauses
            yield Pause(score.probability, self._scored / SAMPLE_RATE)
            yield from self._decode(
                self._utterances.advance(self._scored, speaking=score.speaking, pause=score.probability)
            )
            self._forget()

    def flush(self) -> Iterator[Event]:
        """End the utterance, if there is one, with the last sample so far."""
        yield from self._decode(self._utterances.flush(self._window.end))

    def _score(self, frame: Samples) -> None:
        speech = list(self._detector.feed(frame))
        for probability in speech:
            self._pauses.feed(probability, _CHUNK_S)
            self._voicing.feed(probability)
        if sum(speech) >= _SPEECH_FRAME * len(speech):
            self._level.feed(float(np.sqrt(np.mean(np.square(frame)))))

    def _forget(self) -> None:
        earliest = self._utterances.earliest(self._scored)
        self._window.forget(earliest)
        self._voicing.forget(earliest if self._utterances.began is None else self._utterances.began)

    def _decode(self, passage: Passage | None) -> Iterator[Event]:
        if passage is None:
            return
        if passage.begins:
            self._gain = self._level.gain
            self._commitment = CommittedWords()
            self._decoder.begin(passage.start)
        self._decoder.feed(with_noise_floor(self._window.read(passage.start, passage.end) * self._gain))
        if passage.ends:
            self._decoder.end()
            words = self._commitment.conclude(self._hypothesis())
        else:
            words = self._commitment.revise(self._hypothesis(), passage.end)
        yield from (Word(word.text, word.start / SAMPLE_RATE, word.end / SAMPLE_RATE) for word in words)
        yield from self._new_guess()

    def _hypothesis(self) -> list[TimedWord]:
        return [word for word in real_words(self._decoder.segments()) if self._voicing.holds(word)]

    def _new_guess(self) -> Iterator[Event]:
        partial = self._commitment.partial
        guess = " ".join(word.text for word in partial)
        if guess != self._guess:
            self._guess = guess
            yield Partial(guess, (partial[0].start if partial else self._scored) / SAMPLE_RATE)
