"""Uploads to replicas that admit them, refuse them, or break off."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from grpc.aio import Channel

from mesh.discovery.search import Replicas, uploading
from mesh.errors import (
    AtCapacity,
    MeshError,
    MissingServiceAtCapacity,
    MissingServiceTimeout,
    UploadTooLarge,
    UpstreamDown,
)
from mesh.rpc.server import GrpcServer
from mesh.rpc.uploads import ADMITTED
from mesh.settings import ServiceSettings
from parley.voices.v1 import voices_pb2 as pb
from parley.voices.v1 import voices_pb2_grpc as stubs
from tests.mesh.discovery.replica import UNHURRIED


@pytest.fixture(autouse=True)
def unhurried(monkeypatch: pytest.MonkeyPatch) -> None:
    """How soon a replica must answer is tested with the discovery."""
    monkeypatch.setattr("mesh.discovery.search.DIRECT", UNHURRIED)


CONFIG = pb.CreateVoiceRequest(config=pb.CreateVoiceConfig())


class Receiver(stubs.VoiceServiceServicer):
    """Counts chunks. It refuses with `refusal`, or fails with `failure` at the first chunk."""

    def __init__(self, refusal: MeshError | None = None, failure: MeshError | None = None) -> None:
        self.refusal = refusal
        self.failure = failure
        self.calls = 0

    async def ListVoices(self, _request: Any, _context: Any) -> Any:  # noqa: N802 - gRPC's name
        raise NotImplementedError

    async def GetVoice(self, _request: Any, _context: Any) -> Any:  # noqa: N802 - gRPC's name
        raise NotImplementedError

    async def GetVoiceSample(self, _request: Any, _context: Any) -> Any:  # noqa: N802 - gRPC's name
        raise NotImplementedError

    async def GetVoiceEmbedding(self, _request: Any, _context: Any) -> Any:  # noqa: N802 - gRPC's name
        raise NotImplementedError

    async def StartDonation(self, _request: Any, _context: Any) -> Any:  # noqa: N802 - gRPC's name
        raise NotImplementedError

    async def SubmitDonation(self, _requests: Any, _context: Any) -> Any:  # noqa: N802 - gRPC's name
        raise NotImplementedError

    async def CreateVoice(  # noqa: N802 - gRPC's name
        self, requests: AsyncIterator[pb.CreateVoiceRequest], context: Any
    ) -> pb.CreateVoiceResponse:
        self.calls += 1
        if self.refusal:
            raise self.refusal
        await anext(requests)
        await context.send_initial_metadata(ADMITTED)
        chunks = 0
        async for _ in requests:
            if self.failure:
                raise self.failure
            chunks += 1
        return pb.CreateVoiceResponse(voice=pb.Voice(name=str(chunks)))


@asynccontextmanager
async def serving(receiver: Receiver) -> AsyncIterator[str]:
    async with GrpcServer(
        ServiceSettings(),
        services=[pb.DESCRIPTOR.services_by_name["VoiceService"]],
        add=lambda server: stubs.add_VoiceServiceServicer_to_server(receiver, server),
    ) as server:
        yield server.address


def method(channel: Channel) -> Any:
    return stubs.VoiceServiceStub(channel).CreateVoice


async def chunks(count: int) -> AsyncIterator[pb.CreateVoiceRequest]:
    for _ in range(count):
        yield pb.CreateVoiceRequest(chunk=pb.RecordingChunk(content=bytes(50_000)))


async def uploaded(target: str, count: int = 30) -> str:
    """What the receiver calls the voice: how many chunks it has got."""
    async with Replicas("voice service", target) as replicas, uploading(replicas, method, CONFIG) as upload:
        response: pb.CreateVoiceResponse = await upload.finish(chunks(count))
        return response.voice.name


async def test_everything_arrives() -> None:
    async with serving(Receiver()) as address:
        assert await uploaded(address) == "30"


async def test_a_full_replica_leads_on_to_the_next_before_anything_is_sent() -> None:
    full = Receiver(refusal=AtCapacity("full"))
    async with serving(full) as one, serving(Receiver()) as other:
        for _ in range(8):
            assert await uploaded(f"{one},{other}", 3) == "3"
    assert full.calls


async def test_all_full() -> None:
    async with serving(Receiver(refusal=AtCapacity("full", retry_after=3))) as address:
        with pytest.raises(MissingServiceAtCapacity) as caught:
            await uploaded(address)
    assert caught.value.retry_after == 3


async def test_nobody_there() -> None:
    with pytest.raises(MissingServiceTimeout):
        await uploaded("127.0.0.1:9")


async def test_a_failure_in_the_middle_is_told() -> None:
    """As what it is, unless a request was on its way."""
    async with serving(Receiver(failure=UploadTooLarge("too much"))) as address:
        with pytest.raises((UploadTooLarge, UpstreamDown), match=r"too much|broken off"):
            await uploaded(address, 2_000)


async def test_leaving_ends_the_call() -> None:
    receiver = Receiver()
    async with serving(receiver) as address, Replicas("voice service", address) as replicas:
        with pytest.raises(RuntimeError, match="a reason"):
            async with uploading(replicas, method, CONFIG):
                raise RuntimeError("a reason")
    assert receiver.calls == 1
