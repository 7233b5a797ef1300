"""A real proxy on a real socket, and a client that speaks replies through it."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Iterator, Mapping, Sequence
from contextlib import asynccontextmanager, contextmanager, nullcontext
from dataclasses import dataclass, field
from typing import TypeAlias

import grpc
from prometheus_client import CollectorRegistry

from mesh.discovery.search import Replicas
from mesh.errors import from_rpc_error
from mesh.rpc.channels import open_channel
from mesh.rpc.server import GrpcServer
from mesh.settings import load
from mesh.times import seconds
from parley.tts.v1 import tts_pb2 as pb
from parley.tts.v1.tts_pb2_grpc import TextToSpeechServiceStub, add_TextToSpeechServiceServicer_to_server
from tts_proxy.engine import Audio, Event, SynthesisEngine, Utterance
from tts_proxy.engines.espeak.engine import espeak_engine
from tts_proxy.engines.espeak.plugin import EspeakSettings
from tts_proxy.metrics import Metrics
from tts_proxy.service import SynthesisServicer
from tts_proxy.settings import TtsSettings
from tts_proxy.voices import Voices

LIMIT_S = 20.0

Call: TypeAlias = "grpc.aio.StreamStreamCall[pb.SynthesizeRequest, pb.SynthesizeResponse]"


def config(voice: str = "") -> pb.SynthesizeRequest:
    return pb.SynthesizeRequest(config=pb.SynthesizeConfig(voice=voice, session_id="s1", reply_id="r1"))


def text(words: str) -> pb.SynthesizeRequest:
    return pb.SynthesizeRequest(text=pb.SynthesizeText(text=words))


def finish() -> pb.SynthesizeRequest:
    return pb.SynthesizeRequest(finish=pb.SynthesizeFinish())


@dataclass
class Reply:
    """All that came back, in order."""

    responses: list[pb.SynthesizeResponse] = field(default_factory=list)

    @property
    def kinds(self) -> list[str | None]:
        return [response.WhichOneof("event") for response in self.responses]

    @property
    def frames(self) -> list[bytes]:
        return [response.audio.audio for response in self.responses if response.HasField("audio")]

    @property
    def words(self) -> list[tuple[str, float, float]]:
        return [
            (response.word.text, seconds(response.word.start_offset), seconds(response.word.end_offset))
            for response in self.responses
            if response.HasField("word")
        ]

    @property
    def text(self) -> str:
        return " ".join(word for word, _, _ in self.words)


class WatchedEngine:
    """An engine that counts: utterances that are open, and bytes of audio it has given out."""

    def __init__(self, engine: SynthesisEngine) -> None:
        self._engine = engine
        self.name = engine.name
        self.capacity = engine.capacity
        self.available = True
        self.open_now = 0
        self.audio_bytes = 0
        self._closed = asyncio.Condition()

    @asynccontextmanager
    async def open(self, voice: str, embedding: bytes | None = None) -> AsyncIterator[Utterance]:
        async with self._engine.open(voice, embedding) as utterance:
            self.open_now += 1
            try:
                yield WatchedUtterance(utterance, self)
            finally:
                self.open_now -= 1
                async with self._closed:
                    self._closed.notify_all()

    async def all_closed(self) -> None:
        async with asyncio.timeout(LIMIT_S), self._closed:
            await self._closed.wait_for(lambda: self.open_now == 0)


class ListedEngine(WatchedEngine):
    """An engine that has a list of its voices."""

    def __init__(self, engine: SynthesisEngine, voices: Mapping[str, Sequence[str]]) -> None:
        super().__init__(engine)
        self.voices = voices


class WatchedUtterance:
    def __init__(self, utterance: Utterance, engine: WatchedEngine) -> None:
        self.speak = utterance.speak
        self.finish = utterance.finish
        self._utterance = utterance
        self._engine = engine

    async def __aiter__(self) -> AsyncIterator[Event]:
        async for event in self._utterance:
            if isinstance(event, Audio):
                self._engine.audio_bytes += len(event.pcm)
            yield event


class Proxy:
    """A running proxy, and its client."""

    def __init__(
        self, engine: WatchedEngine, registry: CollectorRegistry, channel: grpc.aio.Channel, address: str
    ) -> None:
        self.address = address
        self.engine = engine
        self.registry = registry
        self._stub = TextToSpeechServiceStub(channel)

    async def described(self) -> dict[str, list[str]]:
        """The voices of each engine."""
        answer = await self._stub.DescribeVoices(pb.DescribeVoicesRequest(), timeout=LIMIT_S)
        return {each.engine: list(each.voice_ids) for each in answer.engines}

    async def opened(self, voice: str = "") -> Call:
        """A call that has been admitted. Raises `MeshError`."""
        call, _ = await self._asked(config(voice))
        return call

    async def reply(self, first: pb.SynthesizeRequest, *others: pb.SynthesizeRequest) -> Reply:
        """What comes back for these requests, after which the requests end. Raises `MeshError`."""
        # One at a time until it is admitted: a request on its way hides from a client of gRPC why the call has failed.
        call, started = await self._asked(first)
        sending = asyncio.create_task(_send(call, others))
        reply = await heard(call)
        await sending
        return Reply([started, *reply.responses])

    async def _asked(self, first: pb.SynthesizeRequest) -> tuple[Call, pb.SynthesizeResponse]:
        call = self._stub.Synthesize(timeout=LIMIT_S)
        await call.write(first)
        with errors():
            started = await call.read()
        assert isinstance(started, pb.SynthesizeResponse)
        assert started.HasField("started")
        return call, started


async def _send(call: Call, requests: Iterable[pb.SynthesizeRequest]) -> None:
    for request in requests:
        await call.write(request)
    await call.done_writing()


async def heard(call: Call) -> Reply:
    """All that comes back from here on. Raises `MeshError`."""
    reply = Reply()
    with errors():
        while isinstance(response := await call.read(), pb.SynthesizeResponse):
            reply.responses.append(response)
    return reply


@contextmanager
def errors() -> Iterator[None]:
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from None


@asynccontextmanager
async def serving(
    *,
    capacity: int = 64,
    engine: SynthesisEngine | None = None,
    voices: Mapping[str, Sequence[str]] | None = None,
    **settings: float | str,
) -> AsyncIterator[Proxy]:
    """A proxy with these settings, and the defaults otherwise, while the block runs: eSpeak's if no engine is given.

    With `voices`, the engine says that these are its voices.
    """
    told = load(TtsSettings, {}, port=0, metrics_port=0, **settings)
    registry = CollectorRegistry()
    async with (
        nullcontext(engine) if engine else espeak_engine(EspeakSettings(capacity=capacity)) as speaks,
        Replicas("voice service", told.voices_target) as customs,
    ):
        watched = WatchedEngine(speaks) if voices is None else ListedEngine(speaks, voices)
        servicer = SynthesisServicer(told, watched, Voices(customs, watched.name), Metrics(registry))
        async with (
            GrpcServer(
                told,
                services=[pb.DESCRIPTOR.services_by_name["TextToSpeechService"]],
                add=lambda server: add_TextToSpeechServiceServicer_to_server(servicer, server),
            ) as server,
            open_channel(server.address) as channel,
        ):
            yield Proxy(watched, registry, channel, server.address)
