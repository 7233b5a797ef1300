"""What one stream with the engine has heard, and the flushes it owes. No I/O.

The engine reports no times. Each `Step` is a frame of this stream more that it has taken in, and words are out
`delay` after their audio. So a flush is silence, enough to push the last words out, and is answered when the engine has
taken in all of it.
"""

import math
from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass

from mesh.audio import FRAME_S, FRAME_SAMPLES, SAMPLE_RATE
from mesh.errors import UpstreamDown, UpstreamMisconfigured
from moshi_client.messages import EndWord, FromRecogniser, Step, Word, few_numbers
from stt_proxy.engine import Event, Flushed, Pause
from stt_proxy.engines.moshi.silences import SilenceMap
from stt_proxy.engines.moshi.words import Words

_EARLY_WORDS = 3
"""Words without any `Step` after which it is clear that none will come."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Model:
    """How the engine's model behaves."""

    delay_s: float = 0.5
    """How long after its audio a word is out."""
    pause_head: int = 2
    """Which of the scores is the pause: of stt-1b's four the third, a pause of two seconds."""
    warm_up_steps: int = 12
    """Steps at a stream's beginning whose scores mean nothing."""

    @property
    def flush_samples(self) -> int:
        """The silence that pushes out the last words of whole frames."""
        return (math.ceil(round(self.delay_s / FRAME_S, 6)) + 1) * FRAME_SAMPLES


class StreamState:
    """One stream. `unanswered` counts the flushes and the finish. `finished`: the finish has been answered."""

    def __init__(self, model: Model) -> None:
        self._model = model
        self._silences = SilenceMap()
        self._words = Words(self._silences)
        self._steps = 0
        self._early_words = 0
        self._owed: deque[tuple[int, int | None]] = deque()
        """Flushes as (the step that answers it, flush_id); the finish has no id."""
        self._flushed_at = 0
        """Up to where the engine was sent audio when it was flushed last."""
        self._heard = 0
        """The position in the microphone up to which a pause was scored, or could have been."""
        self.finished = False

    @property
    def unanswered(self) -> int:
        """How many flushes are."""
        return len(self._owed)

    @property
    def steps(self) -> int:
        """How many frames have been taken in."""
        return self._steps

    @property
    def backlog_s(self) -> float:
        """Seconds of audio that were sent and have not been taken in."""
        return (self._silences.sent - self._steps * FRAME_SAMPLES) / SAMPLE_RATE

    def sent(self, samples: int) -> None:
        """The microphone's next samples are sent."""
        self._silences.add_audio(samples)

    def flush(self, flush_id: int | None) -> int:
        """Owe an answer. Returns how many samples of silence must be sent for it; 0: they are on their way."""
        silence = 0
        if not self._owed or self._flushed_at != self._silences.sent:
            silence = -self._silences.sent % FRAME_SAMPLES + self._model.flush_samples
            self._silences.add_silence(silence)
            self._flushed_at = self._silences.sent
        self._owed.append((self._flushed_at // FRAME_SAMPLES, flush_id))
        return silence

    def take(self, message: FromRecogniser) -> Iterator[Event]:
        """What a message means. Raises `UpstreamDown` and `UpstreamMisconfigured`."""
        match message:
            case Step():
                yield from self._step(message)
            case Word(text, start_s):
                self._expect_steps()
                yield from self._words.told(text, _samples(start_s))
            case EndWord(end_s):
                yield from self._words.ended(_samples(end_s))

    def _step(self, step: Step) -> Iterator[Event]:
        if self.backlog_s < FRAME_S:
            return  # of a frame that was never sent: what is left of the stream before
        # All words of the frame before have been reported, and no other flush can be answered by this one.
        yield from self._words.ended(self._known_up_to())
        self._steps += 1
        heard = self._silences.position(self._steps * FRAME_SAMPLES)
        if heard > self._heard and self._steps > self._model.warm_up_steps:
            yield Pause(self._pause(step), heard / SAMPLE_RATE)
        self._heard = heard
        while self._owed and self._owed[0][0] <= self._steps:
            _, flush_id = self._owed.popleft()
            if flush_id is None:
                self.finished = True
            else:
                yield Flushed(flush_id)

    def _pause(self, step: Step) -> float:
        scores = few_numbers(step.prs)
        if len(scores) <= self._model.pause_head:
            raise UpstreamMisconfigured(
                f"the engine gives {len(scores)} pause scores; number {self._model.pause_head} is wanted, from 0"
            )
        score = scores[self._model.pause_head]
        if not -0.01 <= score <= 1.01:  # noqa: PLR2004 - rounding
            raise UpstreamDown("the engine gives a pause score that is no probability")
        return min(1.0, max(0.0, score))

    def _expect_steps(self) -> None:
        if self._steps:
            return
        self._early_words += 1
        if self._early_words >= _EARLY_WORDS:
            raise UpstreamMisconfigured("the engine's model scores no pauses, which a conversation needs")

    def _known_up_to(self) -> int:
        """The engine's position up to which words are out."""
        return max(0, self._steps * FRAME_SAMPLES - _samples(self._model.delay_s))


def _samples(seconds: float) -> int:
    return round(seconds * SAMPLE_RATE)
