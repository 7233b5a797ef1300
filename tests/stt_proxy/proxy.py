"""A proxy on a real socket in front of a scripted engine, and a client of it."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from typing import Self, TypeAlias

import grpc
from prometheus_client import CollectorRegistry

from mesh.audio import FRAME_BYTES, SAMPLE_RATE
from mesh.errors import AtCapacity, from_rpc_error
from mesh.rpc.channels import open_channel
from mesh.rpc.server import GrpcServer
from mesh.settings import load
from mesh.times import duration
from parley.audio.v1 import audio_pb2
from parley.stt.v1 import stt_pb2 as pb
from parley.stt.v1.stt_pb2_grpc import SpeechToTextServiceStub, add_SpeechToTextServiceServicer_to_server
from stt_proxy.engine import Event, Flushed, Pause, RecognitionEngine
from stt_proxy.metrics import Metrics
from stt_proxy.service import RecognitionServicer
from stt_proxy.settings import SttSettings

LIMIT_S = 20.0

Call: TypeAlias = "grpc.aio.StreamStreamCall[pb.TranscribeRequest, pb.TranscribeResponse]"


def config(
    *, base_s: float = 0.0, audio_format: audio_pb2.AudioFormat | None = None, language: str = ""
) -> pb.TranscribeRequest:
    return pb.TranscribeRequest(
        config=pb.TranscribeConfig(
            format=audio_format, base_offset=duration(base_s), language=language, session_id="s1"
        )
    )


def audio(pcm: bytes = bytes(FRAME_BYTES)) -> pb.TranscribeRequest:
    return pb.TranscribeRequest(audio=pb.TranscribeAudio(audio=pcm))


def flush(flush_id: int) -> pb.TranscribeRequest:
    return pb.TranscribeRequest(flush=pb.Flush(flush_id=flush_id))


def finish() -> pb.TranscribeRequest:
    return pb.TranscribeRequest(finish=pb.TranscribeFinish())


class ScriptedRecognizer:
    """Scores each message of audio as a pause, after the events the test has put before it."""

    def __init__(self, engine: "ScriptedEngine", language: str) -> None:
        self._engine = engine
        self._events: asyncio.Queue[Event | Exception | None] = asyncio.Queue()
        self._sent_s = 0.0
        self._heard_s = 0.0
        self.language = language
        self.pcm = b""

    @property
    def backlog_s(self) -> float:
        return self._sent_s - self._heard_s

    async def send(self, pcm: bytes) -> None:
        self.pcm += pcm
        self._sent_s += len(pcm) / 2 / SAMPLE_RATE
        for event in self._engine.script:
            self._events.put_nowait(event)
        self._engine.script = []
        self._events.put_nowait(Pause(0.5, self._sent_s))

    async def flush(self, flush_id: int) -> None:
        self._events.put_nowait(Flushed(flush_id))

    async def finish(self) -> None:
        self._events.put_nowait(None)

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Event:
        event = await self._events.get()
        match event:
            case None:
                raise StopAsyncIteration
            case Exception():
                raise event
            case Pause():
                self._heard_s = event.heard_s
        return event


@dataclass
class ScriptedEngine:
    """Up to `capacity` recognisers. `script` is told with the next audio that any of them is sent."""

    capacity: int = 2
    available: bool = True
    flush_limit_s: float = 1.0
    script: list[Event | Exception] = field(default_factory=list)
    opened: list[ScriptedRecognizer] = field(default_factory=list)
    open_now: int = 0
    closed: asyncio.Condition = field(default_factory=asyncio.Condition)

    @asynccontextmanager
    async def open(self, language: str) -> AsyncIterator[ScriptedRecognizer]:
        if self.open_now >= self.capacity:
            raise AtCapacity("every recogniser is taken", retry_after=2.0)
        self.open_now += 1
        recognizer = ScriptedRecognizer(self, language)
        self.opened.append(recognizer)
        try:
            yield recognizer
        finally:
            self.open_now -= 1
            async with self.closed:
                self.closed.notify_all()

    async def all_closed(self) -> None:
        async with asyncio.timeout(LIMIT_S), self.closed:
            await self.closed.wait_for(lambda: self.open_now == 0)


class Proxy:
    """A running proxy, and its client."""

    def __init__(self, registry: CollectorRegistry, channel: grpc.aio.Channel) -> None:
        self._registry = registry
        self._stub = SpeechToTextServiceStub(channel)

    def call(self, limit_s: float = LIMIT_S) -> Call:
        """A call that has sent nothing yet."""
        return self._stub.Transcribe(timeout=limit_s)

    async def opened(self, request: pb.TranscribeRequest | None = None, limit_s: float = LIMIT_S) -> Call:
        """A call that has been admitted."""
        call = self.call(limit_s)
        await call.write(request or config())
        with errors():
            started = await call.read()
        assert isinstance(started, pb.TranscribeResponse)
        assert started.HasField("started")
        return call

    async def told(self, *requests: pb.TranscribeRequest) -> list[pb.TranscribeResponse]:
        """All that comes back for these requests, after which the requests end. Raises `MeshError`."""
        return await told(self._stub.Transcribe(iter(requests), timeout=LIMIT_S))

    def metric(self, name: str, **labels: str) -> float | None:
        return self._registry.get_sample_value(name, labels)


async def told(call: Call) -> list[pb.TranscribeResponse]:
    """All that comes back from here on. Raises `MeshError`."""
    responses = []
    with errors():
        while isinstance(response := await call.read(), pb.TranscribeResponse):
            responses.append(response)
    return responses


async def next_of(call: Call) -> pb.TranscribeResponse:
    """The next response. Raises `MeshError`."""
    with errors():
        response = await call.read()
    assert isinstance(response, pb.TranscribeResponse)
    return response


def kinds(responses: list[pb.TranscribeResponse]) -> list[str | None]:
    return [response.WhichOneof("event") for response in responses]


@contextmanager
def errors() -> Iterator[None]:
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from None


@asynccontextmanager
async def serving(engine: RecognitionEngine, **settings: float | str) -> AsyncIterator[Proxy]:
    """A proxy with these settings, and the defaults otherwise, while the block runs."""
    registry = CollectorRegistry()
    servicer = RecognitionServicer(load(SttSettings, {}, port=0, metrics_port=0, **settings), engine, Metrics(registry))
    async with (
        GrpcServer(
            load(SttSettings, {}, port=0, metrics_port=0),
            services=[pb.DESCRIPTOR.services_by_name["SpeechToTextService"]],
            add=lambda server: add_SpeechToTextServiceServicer_to_server(servicer, server),
        ) as server,
        open_channel(server.address) as channel,
    ):
        yield Proxy(registry, channel)
