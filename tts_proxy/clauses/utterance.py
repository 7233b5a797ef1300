"""One reply spoken clause by clause: the next one is made when the speech of the last has been taken."""

import asyncio
from collections.abc import AsyncIterator

from mesh.audio import FRAME_SAMPLES, SAMPLE_RATE
from tts_proxy.clauses.speech import Speaker, Speech
from tts_proxy.clauses.splitting import Clause, Clauses, Ending
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


_MOST_UNSPOKEN = 10_000
"""Characters that may wait to be spoken before more text has to wait outside."""


class ClauseUtterance:
    """An utterance; see `tts_proxy.engine`.

    Text without an end to its clause is kept for `patience_s` seconds, or longer, until there is only that much left to
    listen to.
    """

    def __init__(self, speaker: Speaker, patience_s: float) -> None:
        self._speaker = speaker
        self._patience_s = patience_s
        self._clauses = Clauses()
        self._timeline = Timeline()
        self._waiting_since = 0.0
        self._silent_from = 0.0
        """When one who listens from the first sample on has heard all there is; on the event loop's clock."""
        self._changed = asyncio.Event()
        self._room = asyncio.Event()
        self._room.set()

    async def speak(self, text: str) -> None:
        """Add to what is said; waits while much is yet unspoken."""
        await self._room.wait()
        if not self._clauses.characters:
            self._waiting_since = _now()
        self._clauses.add(text)
        self._changed.set()
        self._update_room()

    async def finish(self) -> None:
        """No more text comes."""
        self._clauses.finish()
        self._changed.set()

    async def __aiter__(self) -> AsyncIterator[Event]:
        """The speech."""
        while (clause := await self._next_clause()) is not None:
            speech = await self._speaker.say(clause)
            if len(speech.samples):
                for event in self._placed(speech, clause.ending):
                    yield event

    def _placed(self, speech: Speech, ending: Ending) -> list[Event]:
        last = self._clauses.finished and not self._clauses.characters
        length_before_s = self._timeline.length_s
        events = self._timeline.place(speech, ending, last=last)
        self._silent_from = max(self._silent_from, _now()) + self._timeline.length_s - length_before_s
        return events

    async def _next_clause(self) -> Clause | None:
        """The next clause, as soon as it should be spoken; None when everything has been."""
        clause = self._clauses.take()
        while clause is None and not self._clauses.finished:
            clause = self._clauses.take() if await self._more_came() else self._clauses.take_waiting()
        self._waiting_since = _now()
        self._update_room()
        return clause

    async def _more_came(self) -> bool:
        """Wait for text, or its end; False if what is there should not wait for it any longer."""
        self._changed.clear()
        try:
            async with asyncio.timeout_at(self._patience_ends()):
                await self._changed.wait()
        except TimeoutError:
            return False
        return True

    def _patience_ends(self) -> float | None:
        """None while there is nothing to be impatient about: then it is for the caller to limit the wait."""
        if not self._clauses.characters:
            return None
        return max(self._waiting_since + self._patience_s, self._silent_from - self._patience_s)

    def _update_room(self) -> None:
        if self._clauses.characters < _MOST_UNSPOKEN:
            self._room.set()
        else:
            self._room.clear()


def _now() -> float:
    return asyncio.get_running_loop().time()
