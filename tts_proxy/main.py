"""The synthesis proxy's process."""

import os
from contextlib import AbstractAsyncContextManager

from mesh import logs
from mesh.discovery.search import Replicas
from mesh.errors import VoiceNotFound
from mesh.rpc.server import run
from mesh.rpc.server import serve as serve_grpc
from mesh.settings import load
from moshi_client.metrics import LeaseMetrics
from moshi_client.urls import parse_urls
from parley.tts.v1.tts_pb2 import DESCRIPTOR
from parley.tts.v1.tts_pb2_grpc import add_TextToSpeechServiceServicer_to_server
from tts_proxy.custom_voices import CustomVoices
from tts_proxy.engine import SynthesisEngine
from tts_proxy.engines.espeak.engine import DEFAULT_VOICE, EspeakOptions, espeak_engine
from tts_proxy.engines.moshi.engine import moshi_engine
from tts_proxy.metrics import Metrics
from tts_proxy.service import SynthesisServicer
from tts_proxy.settings import TtsSettings


async def serve(settings: TtsSettings) -> None:
    """Speak replies until the process is asked to stop and the last is spoken.

    Raises `VoiceNotFound` if the embedded engine has no voice called what the settings say, and `BadTarget` for a URL
    that is none.
    """
    async with _engine(settings) as engine, Replicas("voice service", settings.voices_target) as voices:
        servicer = SynthesisServicer(settings, engine, CustomVoices(voices, engine.name), Metrics())
        await serve_grpc(
            settings,
            services=[DESCRIPTOR.services_by_name["TextToSpeechService"]],
            add=lambda server: add_TextToSpeechServiceServicer_to_server(servicer, server),
            is_up=lambda: engine.available,
        )


def _engine(settings: TtsSettings) -> AbstractAsyncContextManager[SynthesisEngine]:
    match settings.chosen_engine:
        case "espeak":
            return espeak_engine(
                EspeakOptions(
                    capacity=settings.capacity,
                    voice=settings.voice or DEFAULT_VOICE,
                    rate=settings.rate,
                    patience_s=settings.patience_s,
                )
            )
        case "moshi":
            return moshi_engine(
                parse_urls(settings.server_urls),
                key=settings.api_key,
                voice=settings.voice,
                options=settings.options(settings.capacity),
                metrics=LeaseMetrics("tts", settings.capacity),
            )


def main() -> None:
    """Read the settings, serve."""
    settings = load(TtsSettings, os.environ)
    logs.configure("tts_proxy", settings.log_level, settings.log_format)
    try:
        run(serve(settings))
    except VoiceNotFound as error:
        raise SystemExit(f"PARLEY_TTS_VOICE: {error.message}") from None
