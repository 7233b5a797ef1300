"""One reply spoken clause by clause: the next one is made when the speech of the last has been taken."""

from collections.abc import AsyncIterator

from mesh.audio import FRAME_SAMPLES, SAMPLE_RATE
from tts_proxy.clauses.queue import ClauseQueue
from tts_proxy.clauses.speech import Speaker, Speech
from tts_proxy.clauses.splitting import Ending
from tts_proxy.engine import Audio, Event, Word

PAUSES_S = {Ending.SENTENCE: 0.35, Ending.CLAUSE: 0.15, Ending.CUT: 0.0}
"""The silence between a clause, by how it ends, and the next one."""


class Timeline:
    """Counts the samples of an utterance. A pause goes before the clause that follows it: none ends the utterance."""

    def __init__(self) -> None:
        self._samples = 0
        self._pause_due = 0

    @property
    def length_s(self) -> float:
        """How long the audio is so far."""
        return self._samples / SAMPLE_RATE

    def place(self, speech: Speech, ending: Ending, *, last: bool) -> list[Event]:
        """The events of the next clause, its words first; `last` when it is known that no other follows."""
        start_s = (self._samples + self._pause_due) / SAMPLE_RATE
        words = [Word(word.text, start_s + word.start_s, start_s + word.stop_s) for word in speech.words]
        padding = 0
        if ending is not Ending.CUT and not last:
            # The end of a clause must not wait in an unfilled frame for whatever follows.
            padding = -(self._samples + self._pause_due + len(speech.samples)) % FRAME_SAMPLES
        samples = (_silence(self._pause_due), speech.samples.astype("<i2", copy=False).tobytes(), _silence(padding))
        self._samples += self._pause_due + len(speech.samples) + padding
        self._pause_due = max(0, round(PAUSES_S[ending] * SAMPLE_RATE) - padding)
        return [*words, Audio(b"".join(samples))]


def _silence(samples: int) -> bytes:
    return bytes(2 * samples)


class ClauseUtterance:
    """An utterance; see `tts_proxy.engine`. `patience_s` is how long text may wait for the end of its clause."""

    def __init__(self, speaker: Speaker, patience_s: float) -> None:
        self._speaker = speaker
        self._queue = ClauseQueue(patience_s)
        self._timeline = Timeline()

    async def speak(self, text: str) -> None:
        """Add to what is said; waits while much is yet unspoken."""
        await self._queue.add(text)

    async def finish(self) -> None:
        """No more text comes."""
        self._queue.finish()

    async def __aiter__(self) -> AsyncIterator[Event]:
        """The speech."""
        while (clause := await self._queue.next()) is not None:
            speech = await self._speaker.say(clause)
            if len(speech.samples):
                for event in self._placed(speech, clause.ending):
                    yield event

    def _placed(self, speech: Speech, ending: Ending) -> list[Event]:
        length_before_s = self._timeline.length_s
        events = self._timeline.place(speech, ending, last=self._queue.at_end)
        self._queue.heard_later(self._timeline.length_s - length_before_s)
        return events
