"""From what a server answers to words with their places in the window. No I/O.

Servers give times of words, of segments, or none. What is missing is estimated.
"""

from collections.abc import Iterator, Sequence
from typing import Final

import msgspec
from msgspec import Struct

from mesh.errors import UpstreamDown
from stt_proxy.recognition import SAMPLE_RATE
from stt_proxy.recognition.samples import Samples
from stt_proxy.recognition.words import TimedWord
from stt_proxy.windowed.estimates import estimated, spread

_NO_SPEECH, _UNSURE = 0.6, -1.0
"""Whisper's own bounds: a segment is none that is silence so probably, and words so improbably."""
_MOST_REPETITION: Final = 2.4
"""How well a segment compresses at most; beyond, it repeats itself."""


class _Word(Struct, frozen=True):
    word: str = ""
    start: float | None = None
    end: float | None = None


class _Segment(Struct, frozen=True):
    text: str = ""
    start: float = 0.0
    end: float = 0.0
    words: list[_Word] | None = None
    no_speech_prob: float | None = None
    avg_logprob: float | None = None
    compression_ratio: float | None = None

    @property
    def is_speech(self) -> bool:
        """Whether the model itself believes in it."""
        silent = (self.no_speech_prob or 0) > _NO_SPEECH and (self.avg_logprob or 0) < _UNSURE
        return not silent and (self.compression_ratio or 0) <= _MOST_REPETITION


class Transcript(Struct, frozen=True):
    """An answer to a request for `json` or `verbose_json`."""

    text: str
    language: str | None = None
    words: list[_Word] | None = None
    segments: list[_Segment] | None = None


def transcript_of(body: bytes) -> Transcript:
    """Read an answer. Raises `UpstreamDown` for nonsense."""
    try:
        return msgspec.json.decode(body, type=Transcript)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        raise UpstreamDown("the audio server's transcription cannot be read") from None


def words_of(transcript: Transcript, window: Samples) -> tuple[TimedWord, ...]:
    """The words of a window, in order, each at its place in samples from the window's first."""
    spoken = [each for each in transcript.segments or () if each.is_speech]
    if transcript.segments and not spoken:
        return ()
    found = list(_timed(transcript.words or [word for each in spoken for word in each.words or ()]))
    if found and len(spoken) < len(transcript.segments or ()):
        found = [each for each in found if any(_lies_in(each, segment) for segment in spoken)]
    if not found and spoken and any(each.end > each.start for each in spoken):
        for segment in spoken:
            found += spread(segment.text.split(), round(segment.start * SAMPLE_RATE), round(segment.end * SAMPLE_RATE))
    if not found:
        found = estimated(transcript.text, window)
    return tuple(_within(found, len(window)))


def _timed(words: Sequence[_Word]) -> Iterator[TimedWord]:
    """The words that have times; what a server calls one may hold several, or only a mark."""
    for each in words:
        parts = each.word.split()
        if each.start is not None and each.end is not None and any(map(str.isalnum, each.word)):
            yield from spread(parts, round(each.start * SAMPLE_RATE), round(each.end * SAMPLE_RATE))


def _lies_in(word: TimedWord, segment: _Segment) -> bool:
    middle_s = (word.start + word.end) / 2 / SAMPLE_RATE
    return segment.start <= middle_s <= segment.end


def _within(words: Sequence[TimedWord], length: int) -> Iterator[TimedWord]:
    """The words in order and inside the window, as far as they begin in it."""
    last = 0
    for each in words:
        start = max(each.start, last)
        if start < length:
            last = start
            yield TimedWord(each.text, start, min(max(each.end, start), length))
