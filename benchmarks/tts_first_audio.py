"""How soon a reply is heard, and how fast it is spoken, when its words come as a language model writes them.

    python benchmarks/tts_first_audio.py [--engine local] [--words-per-second 60] [--streams 1 16]

A real proxy on loopback, in this process, so figures include the client's share. First audio counts from the first word
sent; RTF is CPU-seconds of the whole process, client included, per second of speech. Memory is what the process has at
its end, the client included. Trust ratios, not milliseconds: run it once for each engine.
"""

import argparse
import asyncio
import logging
import statistics
import time
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TypeAlias

import grpc
import psutil
import structlog
import uvloop
from prometheus_client import CollectorRegistry

from mesh.discovery.search import Replicas
from mesh.rpc.channels import open_channel
from mesh.rpc.server import GrpcServer
from mesh.settings import load
from parley.tts.v1 import tts_pb2 as pb
from parley.tts.v1 import tts_pb2_grpc as stubs
from tts_proxy.engine import ENGINES
from tts_proxy.metrics import Metrics
from tts_proxy.service import SynthesisServicer
from tts_proxy.settings import TtsSettings
from tts_proxy.voices import Voices

Call: TypeAlias = "grpc.aio.StreamStreamCall[pb.SynthesizeRequest, pb.SynthesizeResponse]"

REPLY = (
    "I think the first thing to know about the tides is that they come twice a day, because the earth turns below two "
    "bulges of water. One of them faces the moon. Would you like to hear where the other comes from?"
)
ROUNDS = 5
LIMIT_S = 60.0


@dataclass
class Timing:
    """How one reply came."""

    first_audio_s: float
    """From the first word sent."""
    behind_s: float
    """The longest silence a listener hears who starts to play with the first audio; 0: none."""
    audio_s: float


async def speak(stub: "stubs.TextToSpeechServiceAsyncStub", words_per_second: float) -> Timing:
    """One reply, its words sent at an even pace and its audio taken as it comes."""
    call = stub.Synthesize(timeout=LIMIT_S)
    await call.write(pb.SynthesizeRequest(config=pb.SynthesizeConfig()))
    await call.read()
    begun = time.perf_counter()
    writing = asyncio.create_task(_write(call, words_per_second))
    arrivals = []
    while isinstance(response := await call.read(), pb.SynthesizeResponse):
        if response.HasField("audio"):
            arrivals.append((time.perf_counter() - begun, len(response.audio.audio) / 48_000))
    await writing
    return Timing(arrivals[0][0], max(_gaps(arrivals)), sum(length for _, length in arrivals))


async def _write(call: Call, words_per_second: float) -> None:
    begun = time.perf_counter()
    for count, word in enumerate(REPLY.split(), start=1):
        await call.write(pb.SynthesizeRequest(text=pb.SynthesizeText(text=word)))
        await asyncio.sleep(max(0.0, begun + count / words_per_second - time.perf_counter()))
    await call.write(pb.SynthesizeRequest(finish=pb.SynthesizeFinish()))
    await call.done_writing()


def _gaps(arrivals: list[tuple[float, float]]) -> Iterator[float]:
    """How late each piece of audio came for a listener who has heard all before it."""
    heard_until = arrivals[0][0]
    for arrived, length in arrivals:
        yield max(0.0, arrived - heard_until)
        heard_until = max(heard_until, arrived) + length


async def measure(engine_name: str, streams: int, words_per_second: float) -> None:
    """Speak replies in so many streams at once, a few times, and print what came of it."""
    settings = load(TtsSettings, {}, port=0, metrics_port=0)
    chosen = ENGINES.choose({"PARLEY_TTS_ENGINE": engine_name})
    async with chosen.open() as engine, Replicas("voice service", settings.voices_target) as voices:
        servicer = SynthesisServicer(settings, engine, Voices(voices, engine.name), Metrics(CollectorRegistry()))
        async with (
            GrpcServer(
                settings,
                services=[pb.DESCRIPTOR.services_by_name["TextToSpeechService"]],
                add=lambda server: stubs.add_TextToSpeechServiceServicer_to_server(servicer, server),
            ) as server,
            open_channel(server.address) as channel,
        ):
            stub = stubs.TextToSpeechServiceStub(channel)
            await speak(stub, words_per_second)
            cpu = time.process_time()
            timings = [
                timing
                for _ in range(ROUNDS)
                for timing in await asyncio.gather(*(speak(stub, words_per_second) for _ in range(streams)))
            ]
            cpu = time.process_time() - cpu
    first = sorted(timing.first_audio_s * 1000 for timing in timings)
    print(
        f"{engine_name}, {streams:3} streams, {words_per_second:g} words/s: "
        f"first audio {statistics.median(first):.0f} ms "
        f"(worst {first[-1]:.0f}), longest gap {max(timing.behind_s for timing in timings) * 1000:.0f} ms, "
        f"RTF {cpu / sum(timing.audio_s for timing in timings):.4f}, "
        f"memory {psutil.Process().memory_info().rss / 2**20:.0f} MiB"
    )


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    # 80 tokens a second, of which English needs four for three words.
    parser.add_argument("--words-per-second", type=float, default=60.0)
    parser.add_argument("--engine", default="local", help="espeak or local")
    parser.add_argument("--streams", type=int, nargs="+", default=[1, 16])
    wanted = parser.parse_args()
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.WARNING))
    for streams in wanted.streams:
        uvloop.run(measure(wanted.engine, streams, wanted.words_per_second))


if __name__ == "__main__":
    main()
