"""A synthesis replica that behaves as a test says, for everything that looks for replicas."""

import asyncio
import contextlib
import socket
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from typing import Any

import grpc

from mesh.discovery.search import DIRECT, Limits, Replicas, admitted
from mesh.errors import MeshError
from mesh.rpc.server import GrpcServer
from mesh.settings import ServiceSettings
from parley.tts.v1 import tts_pb2, tts_pb2_grpc

SERVICE = tts_pb2.DESCRIPTOR.services_by_name["TextToSpeechService"]
CONFIG = tts_pb2.SynthesizeRequest(config=tts_pb2.SynthesizeConfig())
UNHURRIED = Limits(one_try=5.0, search=15.0)
"""For a crowd that a slow machine serves slowly, when the test is not about time."""
FINISH = tts_pb2.SynthesizeRequest(finish=tts_pb2.SynthesizeFinish())

Request = tts_pb2.SynthesizeRequest
Response = tts_pb2.SynthesizeResponse


def text(words: str) -> Request:
    return Request(text=tts_pb2.SynthesizeText(text=words))


def method(channel: grpc.aio.Channel) -> Any:
    """The method that `admitted` calls."""
    return tts_pb2_grpc.TextToSpeechServiceStub(channel).Synthesize


class Speaker(tts_pb2_grpc.TextToSpeechServiceServicer):
    """Answers each text with one word, and `finish` with the end.

    `refusal` is raised before the stream is admitted, or never; the stream is not admitted before `admits` is set;
    the word "fail" raises `failure`; an empty request ends the stream. If it is `deaf`, it reads its config only.
    """

    def __init__(
        self, refusal: MeshError | None = None, failure: Exception | None = None, *, deaf: bool = False
    ) -> None:
        self.refusal = refusal
        self.failure = failure
        self.deaf = deaf
        self.calls = 0
        self.live = 0
        self.called = asyncio.Event()
        self.left = asyncio.Event()
        self.admits = asyncio.Event()
        self.admits.set()

    async def DescribeVoices(  # noqa: N802 - gRPC's name
        self, _request: Any, _context: Any
    ) -> tts_pb2.DescribeVoicesResponse:
        return tts_pb2.DescribeVoicesResponse()

    async def Synthesize(  # noqa: N802 - gRPC's name
        self, request_iterator: AsyncIterator[Request], _context: Any
    ) -> AsyncIterator[Response]:
        self.calls += 1
        self.live += 1
        self.called.set()
        try:
            if self.refusal is not None:
                raise self.refusal
            await self.admits.wait()
            async for request in request_iterator:
                match request.WhichOneof("request"):
                    case "config":
                        yield Response(started=tts_pb2.SynthesizeStarted())
                        if self.deaf:
                            await asyncio.Event().wait()
                    case "text" if request.text.text == "fail" and self.failure is not None:
                        raise self.failure
                    case "text":
                        yield Response(word=tts_pb2.WordTimed(text=request.text.text))
                    case "finish":
                        yield Response(finished=tts_pb2.SynthesisFinished())
                        return
                    case None:
                        return
        finally:
            self.live -= 1
            self.left.set()

    async def idle(self) -> None:
        """Wait until no call is left."""
        while self.live:
            self.left.clear()
            await self.left.wait()

    def add(self, server: grpc.aio.Server) -> None:
        tts_pb2_grpc.add_TextToSpeechServiceServicer_to_server(self, server)

    def served(self, **settings: Any) -> GrpcServer:
        return GrpcServer(ServiceSettings(**settings), services=[SERVICE], add=self.add)


Serve = Callable[..., Awaitable[list[GrpcServer]]]
"""Starts a server for each of the speakers it is given; a fixture."""


def target(*servers: GrpcServer) -> str:
    return ",".join(server.address for server in servers)


@contextlib.contextmanager
def nobody() -> Iterator[str]:
    """The address of a port on which nobody listens meanwhile."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"127.0.0.1:{taken.getsockname()[1]}"


@contextlib.contextmanager
def silence() -> Iterator[str]:
    """The address of a port on which somebody listens meanwhile, and never says a word."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        yield f"127.0.0.1:{listening.getsockname()[1]}"


async def admit(target: str, limits: Limits = DIRECT) -> str:
    """The replica that admits."""
    async with Replicas("tts", target) as replicas, admitted(replicas, method, CONFIG, limits) as stream:
        return stream.replica
