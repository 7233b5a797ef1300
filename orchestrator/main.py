"""The orchestrator's process."""

import os
from pathlib import Path

import structlog

from mesh import logs
from mesh.discovery.search import Replicas
from mesh.rpc.server import GrpcServer, run
from mesh.settings import load
from mesh.tasks import beside
from orchestrator.dependencies import watch
from orchestrator.llm.client import LanguageModel
from orchestrator.metrics import Metrics
from orchestrator.prompts.headlines import HeadlineCache
from orchestrator.prompts.prompts import Prompts
from orchestrator.prompts.templates import TemplateError
from orchestrator.prompts.texts import Texts, read_texts
from orchestrator.recorder import Recordings
from orchestrator.session.reply import Upstreams
from orchestrator.session.service import ConversationServicer
from orchestrator.settings import OrchestratorSettings
from parley.conversation.v1.conversation_pb2 import DESCRIPTOR
from parley.conversation.v1.conversation_pb2_grpc import add_ConversationServiceServicer_to_server

log = structlog.get_logger()


async def serve(settings: OrchestratorSettings, texts: Texts) -> None:
    """Serve conversations until the process is asked to stop and the last has ended."""
    metrics = Metrics()
    async with (
        Replicas("speech recognition", settings.stt_target, meter=metrics.stt_search) as stt,
        Replicas("speech synthesis", settings.tts_target, meter=metrics.tts_search) as tts,
        LanguageModel(settings) as model,
        HeadlineCache(settings) as news,
        Recordings(settings) as recordings,
    ):
        upstreams = Upstreams(model, tts, metrics)
        servicer = ConversationServicer(settings, stt, upstreams, Prompts(texts, news), recordings)
        async with (
            GrpcServer(
                settings,
                services=[DESCRIPTOR.services_by_name["ConversationService"]],
                add=lambda server: add_ConversationServiceServicer_to_server(servicer, server),
            ) as server,
            beside(watch(server.health, stt, tts, model, metrics)),
        ):
            await server.until_drained()


def main() -> None:
    """Read the settings and the characters, serve. A bad text ends the process with 1 and one line in the log."""
    settings = load(OrchestratorSettings, os.environ)
    logs.configure("orchestrator", settings.log_level, settings.log_format)
    try:
        texts = read_texts(Path(settings.characters_folder) if settings.characters_folder else None)
    except TemplateError as error:
        log.error("a character cannot be used", problem=str(error))  # noqa: TRY400 - the trace would tell nothing more
        raise SystemExit(1) from None
    run(serve(settings, texts))
