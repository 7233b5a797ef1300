"""Both proxies on real ports, in front of moshi-servers."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from typing import Protocol

from prometheus_client import CollectorRegistry

from mesh.discovery.search import Replicas
from mesh.engines.lease_metrics import LeaseMetrics
from mesh.engines.server_urls import parse_urls
from mesh.rpc.server import GrpcServer
from mesh.settings import load
from parley.stt.v1 import stt_pb2
from parley.stt.v1.stt_pb2_grpc import add_SpeechToTextServiceServicer_to_server
from parley.tts.v1 import tts_pb2
from parley.tts.v1.tts_pb2_grpc import add_TextToSpeechServiceServicer_to_server
from stt_proxy.engines.moshi.engine import moshi_engine as stt_engine
from stt_proxy.engines.moshi.plugin import MoshiSttSettings
from stt_proxy.engines.moshi.stream_state import Model
from stt_proxy.metrics import Metrics as SttMetrics
from stt_proxy.service import RecognitionServicer
from stt_proxy.settings import SttSettings
from tests.moshi_client.server import KEY
from tts_proxy.engines.moshi.engine import moshi_engine as tts_engine
from tts_proxy.engines.moshi.plugin import MoshiTtsSettings
from tts_proxy.metrics import Metrics as TtsMetrics
from tts_proxy.service import SynthesisServicer
from tts_proxy.settings import TtsSettings
from tts_proxy.voices import Voices


class Engine(Protocol):
    """Whatever listens at a URL."""

    @property
    def url(self) -> str:
        """Where."""


NOBODY = "127.0.0.1:9"
"""Where nothing listens."""

LEASES = ("parley_stt_leases", "parley_tts_leases", "worker_stt_active_sessions", "worker_tts_active_sessions")


@dataclass(frozen=True)
class Proxies:
    """One of each."""

    stt: GrpcServer
    tts: GrpcServer
    registry: CollectorRegistry

    def metric(self, name: str) -> float:
        value = self.registry.get_sample_value(name)
        assert value is not None
        return value

    @property
    def leases(self) -> list[float]:
        return [self.metric(name) for name in LEASES]


@asynccontextmanager
async def proxies_before(
    ears: Sequence[Engine], voices: Sequence[Engine], *, kept: str = NOBODY
) -> AsyncIterator[Proxies]:
    """Serve both meanwhile; custom voices are kept at `kept`."""
    registry = CollectorRegistry()
    stt_settings = load(SttSettings, {}, port=0, metrics_port=0)
    tts_settings = load(TtsSettings, {}, port=0, metrics_port=0)
    async with AsyncExitStack() as exits:
        enter = exits.enter_async_context
        recogniser = await enter(
            stt_engine(
                parse_urls(server.url for server in ears),
                key=KEY,
                model=Model(),
                options=load(MoshiSttSettings, {}).options(200),
                metrics=LeaseMetrics("stt", 200, registry),
            )
        )
        voice = await enter(
            tts_engine(
                parse_urls(server.url for server in voices),
                key=KEY,
                voice="",
                options=load(MoshiTtsSettings, {}).options(200),
                metrics=LeaseMetrics("tts", 200, registry),
            )
        )
        hearing = RecognitionServicer(stt_settings, recogniser, SttMetrics(registry))
        chosen = Voices(await enter(Replicas("voice service", kept)), voice.name)
        speaking = SynthesisServicer(tts_settings, voice, chosen, TtsMetrics(registry))
        stt = await enter(
            GrpcServer(
                stt_settings,
                services=[stt_pb2.DESCRIPTOR.services_by_name["SpeechToTextService"]],
                add=lambda server: add_SpeechToTextServiceServicer_to_server(hearing, server),
            )
        )
        tts = await enter(
            GrpcServer(
                tts_settings,
                services=[tts_pb2.DESCRIPTOR.services_by_name["TextToSpeechService"]],
                add=lambda server: add_TextToSpeechServiceServicer_to_server(speaking, server),
            )
        )
        yield Proxies(stt, tts, registry)
