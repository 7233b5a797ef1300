"""The recognition proxy's process."""

import os
from contextlib import AbstractAsyncContextManager

from mesh import logs
from mesh.errors import UpstreamDown
from mesh.rpc.server import run
from mesh.rpc.server import serve as serve_grpc
from mesh.settings import load
from moshi_client.metrics import LeaseMetrics
from moshi_client.urls import parse_urls
from parley.stt.v1.stt_pb2 import DESCRIPTOR
from parley.stt.v1.stt_pb2_grpc import add_SpeechToTextServiceServicer_to_server
from stt_proxy.engine import RecognitionEngine
from stt_proxy.engines.moshi.engine import moshi_engine
from stt_proxy.engines.moshi.hearing import Model
from stt_proxy.engines.pocketsphinx.engine import pocketsphinx_engine
from stt_proxy.metrics import Metrics
from stt_proxy.service import RecognitionServicer
from stt_proxy.settings import SttSettings


async def serve(settings: SttSettings) -> None:
    """Recognise streams until the process is asked to stop and the last has ended.

    Nothing is served before every embedded recogniser is warm. Raises `UpstreamDown` if they cannot be started, and
    `BadTarget` for a URL that is none.
    """
    async with _engine(settings) as engine:
        servicer = RecognitionServicer(settings, engine, Metrics())
        await serve_grpc(
            settings,
            services=[DESCRIPTOR.services_by_name["SpeechToTextService"]],
            add=lambda server: add_SpeechToTextServiceServicer_to_server(servicer, server),
            is_up=lambda: engine.available,
        )


def _engine(settings: SttSettings) -> AbstractAsyncContextManager[RecognitionEngine]:
    match settings.chosen_engine:
        case "pocketsphinx":
            return pocketsphinx_engine(settings.worker_count)
        case "moshi":
            return moshi_engine(
                parse_urls(settings.server_urls),
                key=settings.api_key,
                model=Model(delay_s=settings.delay_s, pause_head=settings.pause_head),
                options=settings.options(settings.capacity),
                metrics=LeaseMetrics("stt", settings.capacity),
            )


def main() -> None:
    """Read the settings, serve."""
    settings = load(SttSettings, os.environ)
    logs.configure("stt_proxy", settings.log_level, settings.log_format)
    try:
        run(serve(settings))
    except UpstreamDown as error:
        raise SystemExit(error.message) from None
