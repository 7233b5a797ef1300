"""Whisper, by CTranslate2: one window in, words and scores out. It blocks, without the interpreter's lock.

Whisper was trained on windows of 30 s, and takes shorter ones well if some silence follows what was said: a second, and
no less than ten altogether. That takes a quarter of the time; where it goes wrong, the guard notices, and the window is
decoded again at its full length.
"""

from pathlib import Path
from typing import NamedTuple

import ctranslate2
import numpy as np

from mesh.errors import UpstreamDown
from stt_proxy.engines.whisper.guard import beyond, is_speech, repeats, untangled
from stt_proxy.engines.whisper.mel import HOP, log_mel
from stt_proxy.engines.whisper.vocabulary import Vocabulary
from stt_proxy.recognition import SAMPLE_RATE
from stt_proxy.recognition.samples import Samples
from stt_proxy.recognition.words import TimedWord

FULL = 30 * SAMPLE_RATE
"""Samples of a window as Whisper was trained."""

_SHORTEST = 15 * SAMPLE_RATE
"""Of models that are not known to do with less."""

_SILENCE = 1 * SAMPLE_RATE

_ATTENDED = 6 * SAMPLE_RATE
"""Samples of whose encoding the decoder is given as much, or what was said and a second, of a window of ten seconds.

Finding the language, the words and their places takes time for every step of it: 0.13 s less of 1.3 s. Of 45 recordings
of people and of single words, base wrote the same words; with less than this it repeats single words ("Stop. Stop.").
"""

_ALIGNED = 2 * HOP
"""Samples in a step of the alignment: 20 ms."""

_MOST_TOKENS = 224

_UNSPACED = {"zh", "ja", "th", "lo", "my", "yue"}
"""Languages that are written without spaces."""


_SURE, _VERY_SURE = 0.5, 0.8
"""The probability from which another language than the likely one is taken, in long windows and in short ones."""

_ENOUGH = int(1.5 * SAMPLE_RATE)


class Hypothesis(NamedTuple):
    """What was recognised in a window. `score` is the mean logarithm of its tokens' probability."""

    words: tuple[TimedWord, ...]
    language: str
    certainty: float
    """The probability that the language is the one that was decoded; 1 where that was not asked."""
    score: float
    no_speech: float
    """The probability that there is no speech at all in the window."""
    length: int
    """Samples of the window."""

    @property
    def said(self) -> tuple[TimedWord, ...]:
        """The words, or none where they were found in a noise."""
        # A hum is short. Longer speech whose language is unclear is speech.
        certainty = self.certainty if self.length < _ENOUGH else 1.0
        return self.words if is_speech(self.score, self.no_speech, certainty) else ()


class WhisperModel:
    """A model in a folder, of which `width` windows may be decoded at once, in threads of the caller's."""

    def __init__(self, folder: Path, width: int, shortest: int = _SHORTEST) -> None:
        self._shortest = shortest
        self._vocabulary = Vocabulary(folder / "vocabulary.txt")
        self._model = ctranslate2.models.Whisper(
            str(folder), device="cpu", compute_type="int8", inter_threads=width, intra_threads=1
        )
        self.multilingual: bool = self._model.is_multilingual

    def decode(self, samples: Samples, language: str, likely: str) -> Hypothesis:
        """Decode a window of at most 30 s; `language` and `likely` are Whisper's names."""
        length = max(self._shortest, len(samples) + _SILENCE)
        hypothesis = self._decode(samples, min(length, FULL), language, likely)
        if length < FULL and self._doubtful(hypothesis, len(samples)):
            hypothesis = self._decode(samples, FULL, language or hypothesis.language, likely)
            if self._doubtful(hypothesis, len(samples)):
                return hypothesis._replace(words=tuple(untangled(hypothesis.words, len(samples))))
        return hypothesis

    def _doubtful(self, hypothesis: Hypothesis, length: int) -> bool:
        return repeats([word.text for word in hypothesis.words]) or beyond(hypothesis.words, length)

    def _decode(self, samples: Samples, length: int, language: str, likely: str) -> Hypothesis:
        length -= length % _ALIGNED
        features = log_mel(np.pad(samples[:length], (0, max(0, length - len(samples)))))
        encoded = self._encoded(features, len(samples))
        certainty = 1.0
        if self.multilingual and (not language or len(samples) < _ENOUGH):
            language, certainty = self._language(encoded, language, likely, len(samples))
        start = self._start(language)
        result = self._generate(encoded, start, most=_MOST_TOKENS, suppressed=[-1])
        tokens = [token for token in result.sequences_ids[0] if token < self._vocabulary.end]
        words = self._words(encoded, start, tokens, language or "en", min(len(samples), length))
        return Hypothesis(words, language or "en", certainty, result.scores[0], result.no_speech_prob, len(samples))

    def rehearse(self) -> None:
        """Do what takes time with a window of 3 s in which fifteen tokens are said."""
        hiss = np.random.default_rng(0).normal(0, 0.01, self._shortest).astype(np.float32)
        encoded = self._encoded(log_mel(hiss), 3 * SAMPLE_RATE)
        if self.multilingual:
            self._model.detect_language(encoded)
        start = self._start("en")
        # It may not end before.
        tokens = self._generate(encoded, start, most=15, suppressed=[-1, self._vocabulary.end]).sequences_ids[0]
        self._model.align(encoded, start, [tokens], [3 * SAMPLE_RATE // HOP])

    def _encoded(self, features: Samples, length: int) -> ctranslate2.StorageView:
        """What the decoder is to be given of a window with so many samples, silence behind them not counted."""
        encoded = self._model.encode(ctranslate2.StorageView.from_array(features[None]))
        if features.shape[1] * HOP > self._shortest or self._shortest >= _SHORTEST:
            # There is less to leave out, or the guard asks again; models that need longer windows were not tried.
            return encoded
        steps = np.asarray(encoded)[:, : max(_ATTENDED, length + _SILENCE) // _ALIGNED]
        return ctranslate2.StorageView.from_array(np.ascontiguousarray(steps))

    def _start(self, language: str) -> list[int]:
        """The marks that a decoding begins with."""
        if not self.multilingual:
            return [self._vocabulary.mark("startoftranscript")]
        return [self._vocabulary.mark(name) for name in ("startoftranscript", language, "transcribe")]

    def _generate(
        self, encoded: ctranslate2.StorageView, start: list[int], *, most: int, suppressed: list[int]
    ) -> ctranslate2.models.WhisperGenerationResult:
        """The most likely tokens, at most so many."""
        (result,) = self._model.generate(
            encoded,
            [[*start, self._vocabulary.mark("notimestamps")]],
            beam_size=1,
            max_length=most,
            suppress_tokens=suppressed,
            return_scores=True,
            return_no_speech_prob=True,
        )
        return result

    def _language(self, encoded: ctranslate2.StorageView, told: str, likely: str, length: int) -> tuple[str, float]:
        """The language that is spoken, and its probability: the one `told`, else `likely` where it is not clear."""
        (found,) = self._model.detect_language(encoded)
        chances = {mark.strip("<|>"): chance for mark, chance in found}
        if told:
            return told, chances.get(told, 0.0)
        best = max(chances, key=chances.__getitem__)
        sure = _SURE if length >= _ENOUGH else _VERY_SURE
        if likely and best != likely and chances[best] < sure:
            return likely, chances.get(likely, 0.0)
        return best, chances[best]

    def _words(
        self, encoded: ctranslate2.StorageView, start: list[int], tokens: list[int], language: str, length: int
    ) -> tuple[TimedWord, ...]:
        """The tokens' words, each at its place."""
        if not tokens:
            return ()
        (aligned,) = self._model.align(encoded, start, [tokens], [max(1, length // HOP)])
        begins: dict[int, int] = {}
        for token, step in aligned.alignments:
            begins.setdefault(token, step * _ALIGNED)
        places = [begins.get(token, length) for token in range(len(tokens) + 1)]
        return tuple(
            TimedWord(word.text, places[word.first], max(places[word.behind], places[word.first] + _ALIGNED))
            for word in self._vocabulary.words(tokens, spaced=language not in _UNSPACED)
        )


def load(folder: Path, width: int, shortest: int | None) -> WhisperModel:
    """The model in a folder. Raises `UpstreamDown` if there is none that can be loaded."""
    try:
        return WhisperModel(folder, width, shortest or _SHORTEST)
    except (OSError, RuntimeError, KeyError, ValueError) as error:
        raise UpstreamDown(f"the model in {folder} cannot be loaded: {error}") from error
