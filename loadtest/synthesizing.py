"""Users of `Synthesize`: each stream speaks one reply, which is written to it as a language model writes."""

import asyncio
from typing import NamedTuple

from loadtest.conversation import WITHOUT_AUDIO_S, Playback
from loadtest.grpc_stream import Addresses, Stream
from loadtest.sessions import End, Lost, Mark, Outcome, SessionRecord, Turn
from loadtest.stage import Stage
from mesh.audio import SAMPLE_BYTES, SAMPLE_RATE
from mesh.tasks import beside
from mesh.times import loop_time
from parley.tts.v1 import tts_pb2 as pb
from parley.tts.v1.tts_pb2_grpc import TextToSpeechServiceStub

REPLY = "The weather there is mild today, with a little wind from the lake and some clouds in the late afternoon."


class SynthesizingHabits(NamedTuple):
    """How users behave; seconds."""

    words_per_s: float = 40.0
    """How fast the text is written."""
    patience_s: float = 20.0
    """For the next audio."""
    pause_s: tuple[float, float] = (2.0, 4.0)
    """From the end of a reply to the next stream: as long as a question takes."""


class Synthesizing:
    """Replies spoken by the voices at `target`: "host:port", or several with commas."""

    kind = "synthesize"
    headline = Mark.FIRST_AUDIO

    def __init__(self, target: str, habits: SynthesizingHabits, text: str = REPLY) -> None:
        self.name = f"Synthesize at {target}"
        self._addresses = Addresses(target)
        self._habits = habits
        self._words = text.split()

    async def hold(self, stage: Stage, record: SessionRecord) -> End:
        """Have one reply spoken, and listen to its end. Raises `Refused` and `Lost`."""
        asked_at = loop_time()
        listener = _Listener(asked_at, Turn(record.number, asked_at - stage.began))
        stub = TextToSpeechServiceStub(self._addresses.next())
        stream: Stream[pb.SynthesizeRequest, pb.SynthesizeResponse] = Stream(stub.Synthesize(), listener.take)
        await stream.open(pb.SynthesizeRequest(config=pb.SynthesizeConfig()))
        record.turns.append(listener.turn)
        listener.mark(Mark.STARTED)
        with stage.admitted(record):
            try:
                async with beside(stream.until_lost()):
                    for word in self._words:
                        stream.send(pb.SynthesizeRequest(text=pb.SynthesizeText(text=word)))
                        await asyncio.sleep(1 / self._habits.words_per_s)
                    stream.send(pb.SynthesizeRequest(finish=pb.SynthesizeFinish()))
                    await listener.until_finished(self._habits.patience_s)
            except Lost:
                # A call ends in good order after its last message.
                if listener.turn.outcome is None:
                    listener.turn.outcome = Outcome.LOST
                    raise
            finally:
                stream.cancel()
            await asyncio.sleep(listener.playback.ends - loop_time() + stage.chance.uniform(*self._habits.pause_s))
        return End.COMPLETE

    async def close(self) -> None:
        """Close the channels."""
        await self._addresses.close()


class _Listener:
    """Hears one reply."""

    def __init__(self, asked_at: float, turn: Turn) -> None:
        self.turn = turn
        self.playback = Playback()
        self._asked_at = asked_at
        self._finished = False
        self._heard = asyncio.Event()

    def mark(self, mark: Mark) -> None:
        self.turn.marks.setdefault(mark, loop_time() - self._asked_at)

    def take(self, response: pb.SynthesizeResponse) -> None:
        match response.WhichOneof("event"):
            case "audio":
                self.mark(Mark.FIRST_AUDIO)
                seconds = len(response.audio.audio) / SAMPLE_BYTES / SAMPLE_RATE
                self.turn.audio_s += seconds
                if gap := self.playback.feed(loop_time(), seconds):
                    self.turn.underruns += 1
                    self.turn.underrun_s += gap
            case "finished":
                self._finished = True
                self.turn.outcome = Outcome.WITHOUT_AUDIO if self.turn.audio_s < WITHOUT_AUDIO_S else Outcome.ANSWERED
            case _:
                return
        self._heard.set()

    async def until_finished(self, patience_s: float) -> None:
        """Listen to the end of the reply, as long as audio comes."""
        while not self._finished:
            self._heard.clear()
            try:
                async with asyncio.timeout(patience_s):
                    await self._heard.wait()
            except TimeoutError:
                self.turn.outcome = Outcome.UNANSWERED
                return
