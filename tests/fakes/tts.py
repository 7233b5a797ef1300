"""A synthesis that says what the test wants, over the real wire."""

import asyncio
from collections.abc import AsyncGenerator, AsyncIterator, Callable
from contextlib import aclosing, asynccontextmanager

import grpc
import numpy as np

from mesh.audio import FRAME_BYTES, FRAME_S, FRAME_SAMPLES, SAMPLE_RATE, negotiate
from mesh.errors import VoiceNotFound
from mesh.rpc.server import GrpcServer
from mesh.rpc.streams import first_request
from mesh.settings import ServiceSettings
from mesh.tasks import beside
from mesh.times import duration
from parley.tts.v1 import tts_pb2 as pb
from parley.tts.v1.tts_pb2_grpc import TextToSpeechServiceServicer, add_TextToSpeechServiceServicer_to_server
from standins.watched import Watched
from tests.fakes.watched import Slots

Context = grpc.aio.ServicerContext[pb.SynthesizeRequest, pb.SynthesizeResponse]


class Speaking(Watched):
    """One `Synthesize` stream: what it was given to say, and what it has said."""

    def __init__(self, config: pb.SynthesizeConfig) -> None:
        super().__init__()
        self.config = config
        self.texts: list[str] = []
        self.begun = 0
        """How many of `texts` the script has taken."""
        self.finish_asked = False
        self.abandoned = False
        self.over = False
        self.audio = bytearray()
        """What was sent, in the order it was."""

    async def words(self) -> AsyncIterator[str]:
        """The texts as they come, until `finish`."""
        while await self._another():
            self.begun += 1
            yield self.texts[self.begun - 1]

    async def _another(self) -> bool:
        await self.until(lambda: self.finish_asked or len(self.texts) > self.begun, within=60)
        return len(self.texts) > self.begun

    async def until_over(self) -> None:
        """Wait until all has been said and sent."""
        await self.until(lambda: self.over)

    def frames(self, count: int) -> pb.SynthesizeResponse:
        """The next audio: `count` frames, of which no two of one reply are alike."""
        first = len(self.audio) // 2
        samples = np.arange(first, first + count * FRAME_SAMPLES, dtype=np.int64).astype(np.uint16)
        return self.samples(samples.tobytes())

    def samples(self, pcm: bytes) -> pb.SynthesizeResponse:
        self.audio += pcm
        return pb.SynthesizeResponse(audio=pb.SynthesizedAudio(audio=pcm))

    def word(self, text: str, frames: int) -> pb.SynthesizeResponse:
        """A word that lies in the last so many frames."""
        end = len(self.audio) / FRAME_BYTES * FRAME_S
        start = end - frames * FRAME_S
        return pb.SynthesizeResponse(
            word=pb.WordTimed(text=text, start_offset=duration(start), end_offset=duration(end))
        )

    def finished(self) -> pb.SynthesizeResponse:
        length = len(self.audio) / 2 / SAMPLE_RATE
        return pb.SynthesizeResponse(finished=pb.SynthesisFinished(audio_duration=duration(length)))


Script = Callable[[Speaking], AsyncGenerator[pb.SynthesizeResponse, None]]


def spoken(frames_a_word: int) -> Script:
    """Speak every word when it comes, each so many frames long."""

    async def script(speaking: Speaking) -> AsyncGenerator[pb.SynthesizeResponse, None]:
        async for word in speaking.words():
            yield speaking.frames(frames_a_word)
            yield speaking.word(word, frames_a_word)
        yield speaking.finished()

    return script


def recorded(*recordings: bytes) -> Script:
    """Play these instead, one for each reply in turn, once all its words have come."""
    left = iter(recordings)

    async def script(speaking: Speaking) -> AsyncGenerator[pb.SynthesizeResponse, None]:
        async for _ in speaking.words():
            pass
        yield speaking.samples(next(left))
        yield speaking.finished()

    return script


class FakeTts(TextToSpeechServiceServicer):
    """Speaks by its `script`: a frame for each word, unless told otherwise."""

    def __init__(self) -> None:
        self.slots = Slots()
        self.speakings: list[Speaking] = []
        self.asked_voices: list[str] = []
        self.unknown_voices: set[str] = set()
        self.voice_replaced: pb.VoiceReplaced | None = None
        """What it tells everybody about their voice."""
        self.script: Script = spoken(1)
        self.admits = True
        """Otherwise it leaves whoever asks without an answer."""

    async def speaking(self, number: int = 0) -> Speaking:
        """Return the so-manieth admitted stream, once there is one."""
        await self.slots.until(lambda: len(self.speakings) > number)
        return self.speakings[number]

    async def DescribeVoices(  # noqa: N802 - the contract's name
        self,
        _request: pb.DescribeVoicesRequest,
        _context: "grpc.aio.ServicerContext[pb.DescribeVoicesRequest, pb.DescribeVoicesResponse]",
    ) -> pb.DescribeVoicesResponse:
        return pb.DescribeVoicesResponse(engines=[pb.EngineVoices(engine="fake")])

    async def Synthesize(  # type: ignore[override]  # noqa: N802 - the contract's name
        self, requests: AsyncIterator[pb.SynthesizeRequest], context: Context
    ) -> None:
        config = (await first_request(requests)).config
        self.asked_voices.append(config.voice)
        self.slots.changed()
        if not self.admits:
            await asyncio.Event().wait()
        replaced = self.voice_replaced
        if config.voice in self.unknown_voices:
            if not config.replace_unknown_voice or "" in self.unknown_voices:
                raise VoiceNotFound(f"no voice {config.voice}")
            replaced = pb.VoiceReplaced(reason="VOICE_NOT_FOUND", message=f"No voice {config.voice}.")
        with self.slots.taken():
            speaking = Speaking(config)
            self.speakings.append(speaking)
            self.slots.changed()
            started = pb.SynthesizeStarted(format=negotiate(config.format), voice_replaced=replaced)
            await context.write(pb.SynthesizeResponse(started=started))
            async with beside(_read(speaking, requests)), aclosing(self.script(speaking)) as responses:
                async for response in responses:
                    await context.write(response)
            speaking.over = True
            speaking.changed()


async def _read(speaking: Speaking, requests: AsyncIterator[pb.SynthesizeRequest]) -> None:
    async for request in requests:
        if request.HasField("text"):
            speaking.texts.append(request.text.text)
        elif request.HasField("finish"):
            speaking.finish_asked = True
        speaking.changed()
    speaking.abandoned = not speaking.finish_asked
    speaking.changed()


@asynccontextmanager
async def serving(fake: FakeTts) -> AsyncIterator[GrpcServer]:
    """Serve the fake on a free port meanwhile."""
    services = [pb.DESCRIPTOR.services_by_name["TextToSpeechService"]]
    async with GrpcServer(
        ServiceSettings(), services=services, add=lambda server: add_TextToSpeechServiceServicer_to_server(fake, server)
    ) as server:
        yield server
