"""Users of `Transcribe`: they speak, have the rest of the words flushed when they pause, and speak again."""

import asyncio
from typing import NamedTuple

from loadtest.grpc_stream import Addresses, Stream
from loadtest.microphone import Microphone
from loadtest.sessions import End, Mark, Outcome, SessionRecord, Turn
from loadtest.speech import Voice
from loadtest.stage import Stage
from mesh.tasks import beside
from mesh.times import loop_time
from parley.stt.v1 import stt_pb2 as pb
from parley.stt.v1.stt_pb2_grpc import SpeechToTextServiceStub

_PAUSE_PROBABILITY = 0.6
"""From which on a score says that the speaker pauses."""


class TranscribingHabits(NamedTuple):
    """How users behave; seconds."""

    turns: int = 5
    """Utterances of one stream."""
    flush_after_s: float = 0.5
    """From the last sound to the flush, if the pause is not noticed sooner."""
    patience_s: float = 10.0
    """For the answer to a flush."""
    pause_s: tuple[float, float] = (4.0, 8.0)
    """Between the answer and the next utterance: as long as a reply takes."""


class Transcribing:
    """Streams to the recognisers at `target`: "host:port", or several with commas. `voice` is one of PCM."""

    kind = "transcribe"
    headline = Mark.FLUSHED

    def __init__(self, target: str, voice: Voice, habits: TranscribingHabits) -> None:
        self.name = f"Transcribe at {target}"
        self._addresses = Addresses(target)
        self._voice = voice
        self._habits = habits

    async def hold(self, stage: Stage, record: SessionRecord) -> End:
        """Have one stream. Raises `Refused` and `Lost`."""
        speaker = _Speaker(stage, record, self._addresses, self._voice)
        await speaker.stream.open(pb.TranscribeRequest(config=pb.TranscribeConfig()))
        with stage.admitted(record):
            try:
                await speaker.speak(self._habits)
            finally:
                speaker.microphone.stop()
                speaker.stream.cancel()
        return End.COMPLETE

    async def close(self) -> None:
        """Close the channels."""
        await self._addresses.close()


class _Speaker:
    def __init__(self, stage: Stage, record: SessionRecord, addresses: Addresses, voice: Voice) -> None:
        stub = SpeechToTextServiceStub(addresses.next())
        self.stream: Stream[pb.TranscribeRequest, pb.TranscribeResponse] = Stream(stub.Transcribe(), self._take)
        self.microphone = Microphone(voice, self._send, stage.note_late)
        self._stage = stage
        self._record = record
        self._voice = voice
        self._turn: Turn | None = None
        self._asked_at = self._spoke_at = 0.0
        self._words = 0
        self._flushes = 0
        self._changed = asyncio.Event()

    async def speak(self, habits: TranscribingHabits) -> None:
        """Speak as often as wanted. Raises `Lost`."""
        chance = self._stage.chance
        self.microphone.start()
        async with beside(self.stream.until_lost()):
            for _ in range(habits.turns):
                await asyncio.sleep(chance.uniform(0.2, 1.0))
                self._words, self._spoke_at, self._turn = 0, loop_time(), None
                self._changed.clear()
                self.microphone.say(chance.choice(self._voice.utterances), self._voice_ended)
                await self._changed.wait()
                await self._await_words(habits)
                await asyncio.sleep(chance.uniform(*habits.pause_s))

    async def _await_words(self, habits: TranscribingHabits) -> None:
        turn = self._turn
        if turn is None:
            return
        await self._until(Mark.SPEECH_STOPPED, turn, self._asked_at + habits.flush_after_s)
        self._flushes += 1
        self.stream.send(pb.TranscribeRequest(flush=pb.Flush(flush_id=self._flushes)))
        await self._until(Mark.FLUSHED, turn, loop_time() + habits.patience_s)
        if Mark.FLUSHED not in turn.marks:
            turn.outcome = Outcome.UNANSWERED
        elif not self._words:
            turn.outcome = Outcome.WITHOUT_WORDS
        else:
            turn.outcome = Outcome.ANSWERED

    async def _until(self, mark: Mark, turn: Turn, at: float) -> None:
        try:
            async with asyncio.timeout_at(at):
                while mark not in turn.marks:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            return

    def _send(self, frame: bytes) -> None:
        self.stream.send(pb.TranscribeRequest(audio=pb.TranscribeAudio(audio=frame)))

    def _voice_ended(self, at: float) -> None:
        self._asked_at = at
        self._turn = Turn(self._record.number, at - self._stage.began)
        self._record.turns.append(self._turn)
        self._changed.set()

    def _take(self, response: pb.TranscribeResponse) -> None:
        match response.WhichOneof("event"):
            case "word":
                self._words += 1
            case "pause" if response.pause.pause_probability >= _PAUSE_PROBABILITY:
                self._mark(Mark.SPEECH_STOPPED)
            case "flushed" if response.flushed.flush_id == self._flushes:
                self._mark(Mark.FLUSHED)
            case _:
                pass

    def _mark(self, mark: Mark) -> None:
        if self._turn is not None and mark not in self._turn.marks:
            self._turn.marks[mark] = loop_time() - self._asked_at
            self._changed.set()
