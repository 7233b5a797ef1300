"""A recogniser that hears what the test wants, over the real wire."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import grpc
import numpy as np

from mesh.audio import FRAME_BYTES, FRAME_S, SAMPLE_RATE, negotiate
from mesh.errors import AtCapacity, InvalidRequest, UpstreamDown
from mesh.rpc.server import GrpcServer
from mesh.rpc.streams import first_request
from mesh.settings import ServiceSettings
from mesh.tasks import beside
from mesh.times import duration, seconds
from parley.stt.v1 import stt_pb2 as pb
from parley.stt.v1.stt_pb2_grpc import SpeechToTextServiceServicer, add_SpeechToTextServiceServicer_to_server
from standins.watched import Watched
from tests.fakes.watched import Slots

LOUD = 1_000
"""A frame with a sample beyond this scores as speech."""

Context = grpc.aio.ServicerContext[pb.TranscribeRequest, pb.TranscribeResponse]


class Hearing(Watched):
    """One `Transcribe` stream: what it was sent, and what the test has it say."""

    def __init__(self, config: pb.TranscribeConfig) -> None:
        super().__init__()
        self.config = config
        self.base = seconds(config.base_offset)
        self.audio = bytearray()
        self.flushes: list[int] = []
        self.flushed_at: list[int] = []
        """How many bytes had been heard when each flush came."""
        self.scores = True
        self._scored = 0
        self._responses: asyncio.Queue[pb.TranscribeResponse | Exception | None] = asyncio.Queue()

    @property
    def offset(self) -> float:
        """The position of the end of what was heard, of the session."""
        return self.base + len(self.audio) / 2 / SAMPLE_RATE

    def word(self, text: str, start: float | None = None, end: float | None = None) -> None:
        """Recognise a word; without offsets, in the last 200 ms."""
        end = self.offset if end is None else end
        start = max(self.base, end - 0.2) if start is None else start
        word = pb.WordRecognized(text=text, start_offset=duration(start), end_offset=duration(end))
        self._responses.put_nowait(pb.TranscribeResponse(word=word))

    def partial(self, text: str) -> None:
        self._responses.put_nowait(pb.TranscribeResponse(partial=pb.PartialTranscript(text=text)))

    def score(self, probability: float, offset: float) -> None:
        score = pb.PauseScored(pause_probability=probability, offset=duration(offset))
        self._responses.put_nowait(pb.TranscribeResponse(pause=score))

    def answer(self, flush_id: int) -> None:
        self._responses.put_nowait(pb.TranscribeResponse(flushed=pb.Flushed(flush_id=flush_id)))

    def fail(self, error: Exception | None = None) -> None:
        """End the stream badly."""
        self._responses.put_nowait(error or UpstreamDown("the engine has crashed"))

    def end(self) -> None:
        """End the stream with OK, unasked."""
        self._responses.put_nowait(None)

    def score_by_loudness(self) -> None:
        """Score every whole frame that was not scored yet."""
        while len(self.audio) >= (self._scored + 1) * FRAME_BYTES:
            frame = np.frombuffer(self.audio, "<i2", FRAME_BYTES // 2, self._scored * FRAME_BYTES)
            self._scored += 1
            loud = np.abs(frame.astype(np.int32)).max() > LOUD
            self.score(0.0 if loud else 1.0, self.base + self._scored * FRAME_S)

    async def responses(self) -> AsyncIterator[pb.TranscribeResponse]:
        while (response := await self._responses.get()) is not None:
            if isinstance(response, Exception):
                raise response
            yield response


class FakeStt(SpeechToTextServiceServicer):
    """Scores by loudness and answers flushes at once, unless told not to; words come when the test says so."""

    def __init__(self) -> None:
        self.slots = Slots()
        self.hearings: list[Hearing] = []
        self.reading = asyncio.Event()
        self.reading.set()
        self.scores = True
        self.answers_flushes = True
        self.unknown_languages: set[str] = set()
        self._refuses = False

    @contextmanager
    def refusing(self) -> Iterator[None]:
        """Admit nobody meanwhile."""
        self._refuses = True
        yield
        self._refuses = False

    async def hearing(self, number: int = 0) -> Hearing:
        """Return the so-manieth admitted stream, once there is one."""
        await self.slots.until(lambda: len(self.hearings) > number)
        return self.hearings[number]

    async def Transcribe(  # type: ignore[override]  # noqa: N802 - the contract's name
        self, requests: AsyncIterator[pb.TranscribeRequest], context: Context
    ) -> None:
        config = (await first_request(requests)).config
        if self._refuses:
            raise AtCapacity("this recogniser is full")
        if config.language in self.unknown_languages:
            raise InvalidRequest(f"this recogniser does not know the language {config.language}")
        with self.slots.taken():
            hearing = Hearing(config)
            self.hearings.append(hearing)
            self.slots.changed()
            await context.write(pb.TranscribeResponse(started=pb.TranscribeStarted(format=negotiate(config.format))))
            async with beside(self._hear(hearing, requests)):
                async for response in hearing.responses():
                    await context.write(response)

    async def _hear(self, hearing: Hearing, requests: AsyncIterator[pb.TranscribeRequest]) -> None:
        async for request in requests:
            await self.reading.wait()
            match request.WhichOneof("request"):
                case "audio":
                    hearing.audio += request.audio.audio
                    if self.scores and hearing.scores:
                        hearing.score_by_loudness()
                case "flush":
                    hearing.flushes.append(request.flush.flush_id)
                    hearing.flushed_at.append(len(hearing.audio))
                    if self.answers_flushes:
                        hearing.answer(request.flush.flush_id)
                case unexpected:
                    hearing.fail(ValueError(f"the orchestrator sent {unexpected}"))
            hearing.changed()
        hearing.end()


@asynccontextmanager
async def serving(fake: FakeStt) -> AsyncIterator[GrpcServer]:
    """Serve the fake on a free port meanwhile."""
    services = [pb.DESCRIPTOR.services_by_name["SpeechToTextService"]]
    async with GrpcServer(
        ServiceSettings(), services=services, add=lambda server: add_SpeechToTextServiceServicer_to_server(fake, server)
    ) as server:
        yield server
