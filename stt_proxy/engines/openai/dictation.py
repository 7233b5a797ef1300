"""What one stream of realtime transcription is sent, and what its events mean. No I/O.

The server is told where an utterance ends (`Commit`), because only what is committed is transcribed: its own detector
is switched off, so that a flush ends an utterance too. Its text has no times; they are estimated from the sound.
"""

from collections import deque
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias

import msgspec
import numpy as np
from msgspec import Struct

from mesh.audio import SAMPLE_BYTES, Resampler
from mesh.audio import SAMPLE_RATE as WIRE_RATE
from mesh.errors import UpstreamDown, UpstreamMisconfigured
from stt_proxy.engine import Event, Flushed, Partial, Pause, Word
from stt_proxy.recognition import CHUNK, FRAME, SAMPLE_RATE
from stt_proxy.recognition.pauses import PauseScore
from stt_proxy.recognition.samples import Samples, SampleWindow
from stt_proxy.recognition.utterances import Passage, Utterances
from stt_proxy.windowed.decoder import Detector
from stt_proxy.windowed.estimates import estimated

_LONG, _LONGEST = 4 * SAMPLE_RATE, 7 * SAMPLE_RATE
"""Words come only when an utterance is committed, and a turn of eight seconds without one counts as noise."""
_MOST_PENDING: Final = 100
"""Utterances and flushes that may wait for their answers."""
_CHUNK_S: Final = CHUNK / SAMPLE_RATE
_WRONG_SETTINGS: Final = frozenset({"invalid_api_key", "model_not_found", "insufficient_quota", "invalid_model"})
_NOTHING_TO_COMMIT: Final = "input_audio_buffer_commit_empty"
_TRANSCRIPTION: Final = "conversation.item.input_audio_transcription"


@dataclass(frozen=True, slots=True)
class Commit:
    """What was appended is an utterance."""


Sent: TypeAlias = bytes | Commit
"""What the server is to be sent: 16-bit PCM, 24 kHz, or the end of an utterance."""


class ServerEvent(Struct, frozen=True):
    """What is read of an event of the server's. Others have none of these fields."""

    type: str
    item_id: str = ""
    delta: str = ""
    transcript: str = ""
    error: Mapping[str, Any] | None = None


def server_event(message: str | bytes) -> ServerEvent:
    """Read a message. Raises `UpstreamDown` for nonsense."""
    try:
        return msgspec.json.decode(message, type=ServerEvent)
    except (msgspec.DecodeError, msgspec.ValidationError, UnicodeError, RecursionError):
        raise UpstreamDown("the audio server sent what is none of its events") from None


def error_of(event: ServerEvent) -> UpstreamDown | UpstreamMisconfigured:
    """What an `error` event means. Its words are not passed on: they may repeat what people said."""
    error = event.error or {}
    code = error.get("code") or "no code"
    if code in _WRONG_SETTINGS or str(error.get("param") or "").startswith("session"):
        return UpstreamMisconfigured(f"the audio server refuses the session ({code})")
    return UpstreamDown(f"the audio server reported an error ({code})")


@dataclass(slots=True)
class _Utterance:
    start: int
    item_id: str | None = None
    samples: Samples | None = None
    """Set when it has been committed."""
    text: str = ""
    done: bool = False


class Dictation:
    """One stream. Feed it what the microphone sends and what the server answers; send what it gives."""

    def __init__(self, detector: Detector) -> None:
        self._detector = detector
        self._resampler = Resampler(WIRE_RATE, SAMPLE_RATE)
        self._window = SampleWindow()
        self._pcm = bytearray()
        self._pcm_start = 0
        """The byte of the stream that `_pcm` begins with."""
        self._scored = 0
        self._pauses = PauseScore()
        self._utterances = Utterances(_LONG, _LONGEST)
        self._open: _Utterance | None = None
        self._pending: deque[_Utterance | Flushed] = deque()

    @property
    def idle(self) -> bool:
        """Whether everything that was said has been given."""
        return self._open is None and not self._pending

    @property
    def behind(self) -> bool:
        """Whether the server owes so much that no more should be given."""
        return len(self._pending) >= _MOST_PENDING

    @property
    def owed(self) -> object | None:
        """The utterance that is waited for; None: there is none. It is another one when the server has answered."""
        return next((each for each in self._pending if isinstance(each, _Utterance)), None)

    def feed(self, pcm: bytes) -> Iterator[Event | Sent]:
        """Take in the next samples."""
        self._pcm += pcm
        samples = np.frombuffer(pcm, "<i2").astype(np.float32) / np.float32(32_768)
        self._window.write(self._resampler.process(samples))
        while self._window.end >= self._scored + FRAME:
            self._scored += FRAME
            for probability in self._detector.feed(self._window.read(self._scored - FRAME, self._scored)):
                self._pauses.feed(probability, _CHUNK_S)
            score = self._pauses
            yield Pause(score.probability, self._scored / SAMPLE_RATE)
            yield from self._pass(
                self._utterances.advance(self._scored, speaking=score.speaking, pause=score.probability)
            )
            self._forget()

    def flush(self, flush_id: int) -> Iterator[Event | Sent]:
        """End the utterance, if there is one, and answer the flush after its words."""
        yield from self.finish()
        self._pending.append(Flushed(flush_id))
        yield from self._answers()

    def finish(self) -> Iterator[Sent]:
        """End the utterance, if there is one."""
        # An even one, so that it is a whole sample of the wire's.
        yield from self._pass(self._utterances.flush(self._window.end & ~1))

    def take(self, event: ServerEvent) -> Iterator[Event]:
        """Take in what the server says. Raises `UpstreamDown` and `UpstreamMisconfigured`."""
        match event.type:
            case "input_audio_buffer.committed":
                self._of(event.item_id)
            case "conversation.item.input_audio_transcription.delta":
                if (utterance := self._of(event.item_id)) and not utterance.done:
                    utterance.text += event.delta
                    if utterance is self._pending[0]:
                        yield Partial(utterance.text.strip(), utterance.start / SAMPLE_RATE)
            case "conversation.item.input_audio_transcription.completed":
                yield from self._complete(self._of(event.item_id), event.transcript)
            case "conversation.item.input_audio_transcription.failed":
                yield from self._complete(self._of(event.item_id), "")
            case "error":
                if (event.error or {}).get("code") != _NOTHING_TO_COMMIT:
                    raise error_of(event)
                yield from self._complete(self._of(""), "")
            case _:
                pass

    def _of(self, item_id: str) -> _Utterance | None:
        """The utterance of an item; one that is not known yet is the first that has none."""
        waiting = [each for each in self._pending if isinstance(each, _Utterance)]
        if known := next((each for each in waiting if item_id and each.item_id == item_id), None):
            return known
        if utterance := next((each for each in waiting if each.item_id is None), None):
            utterance.item_id = item_id
        return utterance

    def _complete(self, utterance: _Utterance | None, transcript: str) -> Iterator[Event]:
        if utterance is not None:
            utterance.text, utterance.done = transcript, True
            yield from self._answers()

    def _answers(self) -> Iterator[Event]:
        while self._pending:
            first = self._pending[0]
            if isinstance(first, Flushed):
                yield first
            elif first.done and first.samples is not None:
                for word in estimated(first.text, first.samples):
                    start, end = (first.start + place for place in (word.start, word.end))
                    yield Word(word.text, start / SAMPLE_RATE, end / SAMPLE_RATE)
                yield Partial("", (first.start + len(first.samples)) / SAMPLE_RATE)
            else:
                return
            self._pending.popleft()

    def _pass(self, passage: Passage | None) -> Iterator[Sent]:
        if passage is None:
            return
        if passage.begins or self._open is None:
            self._open = _Utterance(passage.start)
        start, end = (_byte(position) - self._pcm_start for position in (passage.start, passage.end))
        yield bytes(self._pcm[start:end])
        if passage.ends:
            self._open.samples = self._window.read(self._open.start, passage.end)
            self._pending.append(self._open)
            self._open = None
            yield Commit()

    def _forget(self) -> None:
        earliest = self._utterances.earliest(self._scored)
        surplus = _byte(earliest) - self._pcm_start
        if surplus > 0:
            del self._pcm[:surplus]
            self._pcm_start += surplus
        self._window.forget(earliest if self._open is None else self._open.start)


def _byte(position: int) -> int:
    """Where an even position, at 16 kHz, is in the bytes of the wire."""
    return position * WIRE_RATE // SAMPLE_RATE * SAMPLE_BYTES
