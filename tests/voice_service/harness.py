"""A real voice service on a real socket, and a client that uploads recordings to it."""

import asyncio
import hashlib
import io
import os
import re
import struct
import sys
import tempfile
import wave
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import numpy as np
import sphn
from grpc.aio import AioRpcError
from numpy.typing import NDArray
from prometheus_client import CollectorRegistry

from mesh.discovery.search import Replicas
from mesh.errors import from_rpc_error
from mesh.rpc.channels import open_channel
from mesh.rpc.server import GrpcServer
from mesh.settings import load
from mesh.upload_slots import UploadSlots
from parley.voices.v1 import voices_pb2 as pb
from parley.voices.v1 import voices_pb2_grpc as stubs
from tests.ports import free_port
from tts_proxy.engines.espeak.library import Prosody, library
from voice_service.catalogue import Catalogue
from voice_service.cloning import Cloning
from voice_service.donations.consent import read_consent
from voice_service.donations.taking import LIMITS, Donations, Limits
from voice_service.engine import ENGINES, CloningEngine
from voice_service.main import donation_folder, voice_store
from voice_service.metrics import Metrics
from voice_service.service import VoicesServicer
from voice_service.settings import VoicesSettings
from voice_service.synthesis import Synthesis

LIMIT_S = 30
NOBODY = "127.0.0.1:9"
PASSAGE = (
    "The quick brown fox jumps over the lazy dog, and then it sleeps for a while in the warm sun. "
    "Nobody in the village remembers who planted the old tree behind the church."
)


@asynccontextmanager
async def voice_service(
    catalogue: Catalogue | None = None, limits: Limits = LIMITS, *, cloning_urls: str = "", **settings: object
) -> AsyncIterator[GrpcServer]:
    """A service with these settings, while the block runs."""
    with tempfile.TemporaryDirectory() as folder:
        own = {"tts_target": NOBODY, "store_file": f"{folder}/voices.sqlite3", **settings}
        told = load(VoicesSettings, {}, port=0, metrics_port=0, **own)
        choice = ENGINES.choose({"KYUTAI_VOICE_CLONING_URL": cloning_urls})
        async with choice.open() as engine, _serving(told, engine, catalogue, limits) as server:
            yield server


@asynccontextmanager
async def _serving(
    told: VoicesSettings, engine: CloningEngine, catalogue: Catalogue | None, limits: Limits
) -> AsyncIterator[GrpcServer]:
    async with voice_store(told) as store, Replicas("speech synthesis", told.tts_target) as speech:
        metrics = Metrics(CollectorRegistry())
        donations = Donations(donation_folder(told), store.verifications, read_consent(), metrics, limits)
        servicer = VoicesServicer(
            catalogue or Catalogue([]), Synthesis(speech), Cloning(engine, store), donations, UploadSlots(told.uploads)
        )
        async with GrpcServer(
            told,
            services=[pb.DESCRIPTOR.services_by_name["VoiceService"]],
            add=lambda server: stubs.add_VoiceServiceServicer_to_server(servicer, server),
        ) as server:
            yield server


@dataclass(frozen=True)
class Process:
    """A voice service in a process of its own."""

    child: asyncio.subprocess.Process
    address: str
    metrics: str
    """The URL of its metrics."""

    async def kill(self) -> None:
        """End it as a crash does."""
        self.child.kill()
        await self.child.wait()


@asynccontextmanager
async def process(**variables: str) -> AsyncIterator[Process]:
    """A voice service with these variables, from when it serves."""
    port, metrics_port = free_port(), free_port()
    told = {"PARLEY_VOICES_PORT": str(port), "PARLEY_VOICES_METRICS_PORT": str(metrics_port), **variables}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "voice_service", env={**os.environ, **told}, stderr=asyncio.subprocess.PIPE
    )
    assert child.stderr
    try:
        async with asyncio.timeout(30):
            while not re.search(rb"\bserving\b", line := await child.stderr.readline()):
                assert line, "the voice service has not started"
        yield Process(child, f"127.0.0.1:{port}", f"http://127.0.0.1:{metrics_port}/metrics")
    finally:
        if child.returncode is None:
            child.terminate()
        _, told_last = await child.communicate()
        sys.stderr.write(told_last.decode())  # pytest shows it when a test fails


class Client:
    """Asks a voice service. Everything raises `MeshError`."""

    def __init__(self, stub: "stubs.VoiceServiceAsyncStub") -> None:
        self.stub = stub

    async def create(self, recording: bytes) -> pb.Voice:
        return await self.send(upload(recording))

    async def send(self, requests: Iterable[pb.CreateVoiceRequest]) -> pb.Voice:
        """Send just these requests."""
        try:
            return (await self.stub.CreateVoice(iter(requests), timeout=LIMIT_S)).voice
        except AioRpcError as error:
            raise from_rpc_error(error) from None

    async def find(self, voice_id: str) -> pb.Voice:
        try:
            return (await self.stub.GetVoice(pb.GetVoiceRequest(voice_id=voice_id), timeout=LIMIT_S)).voice
        except AioRpcError as error:
            raise from_rpc_error(error) from None

    async def embedding(self, voice_id: str) -> pb.GetVoiceEmbeddingResponse:
        try:
            return await self.stub.GetVoiceEmbedding(pb.GetVoiceEmbeddingRequest(voice_id=voice_id), timeout=LIMIT_S)
        except AioRpcError as error:
            raise from_rpc_error(error) from None


@asynccontextmanager
async def client_of(address: str) -> AsyncIterator[Client]:
    async with open_channel(address) as channel:
        yield Client(stubs.VoiceServiceStub(channel))


def config(total_bytes: int | None = None) -> pb.CreateVoiceRequest:
    return pb.CreateVoiceRequest(config=pb.CreateVoiceConfig(total_bytes=total_bytes))


def chunk(content: bytes) -> pb.CreateVoiceRequest:
    return pb.CreateVoiceRequest(chunk=pb.RecordingChunk(content=content))


def finish(recording: bytes) -> pb.CreateVoiceRequest:
    """The end of an upload of this recording."""
    return pb.CreateVoiceRequest(
        finish=pb.FinishUpload(total_bytes=len(recording), sha256=hashlib.sha256(recording).digest())
    )


def upload(recording: bytes) -> list[pb.CreateVoiceRequest]:
    """The requests that upload this recording."""
    size = 60_000
    parts = (recording[start : start + size] for start in range(0, len(recording), size))
    return [config(), *map(chunk, parts), finish(recording)]


def spoken(prosody: Prosody, text: str = PASSAGE) -> tuple[NDArray[np.float32], int]:
    """eSpeak's speech, and its sample rate."""
    recording = library().speak(text, prosody, lambda: False)
    return (recording.samples / 32_768).astype(np.float32), library().sample_rate


def wav(samples: NDArray[np.float32], sample_rate: int) -> bytes:
    """The samples as a WAV file."""
    kept = io.BytesIO()
    with wave.open(kept, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(sample_rate)
        file.writeframes((samples * 32_767).astype("<i2").tobytes())
    return kept.getvalue()


def opus(seconds: float = 10) -> bytes:
    """Speech as Ogg/Opus."""
    samples, sample_rate = spoken(Prosody("gmw/en-US+f3"))
    resampled = sphn.resample(samples[: int(seconds * sample_rate)], sample_rate, 24_000)
    writer = sphn.OpusStreamWriter(24_000)
    whole = len(resampled) // 1_920 * 1_920
    return b"".join(writer.append_pcm(resampled[at : at + 1_920]) for at in range(0, whole, 1_920))


def wav_of(
    form: int, bits: int, sample_rate: int, data: bytes, *, channels: int = 1, claimed: int | None = None
) -> bytes:
    """A WAV file by its bytes; `claimed` is how long it says that its samples are."""
    block = channels * bits // 8 & 0xFFFF
    size = len(data) if claimed is None else claimed
    head = struct.pack("<HHIIHH", form, channels, sample_rate, sample_rate * block & 0xFFFFFFFF, block, bits)
    riff = b"WAVEfmt " + struct.pack("<I", len(head)) + head + b"data" + struct.pack("<I", size) + data
    return b"RIFF" + struct.pack("<I", min(size + 36, 0xFFFFFFFF)) + riff
