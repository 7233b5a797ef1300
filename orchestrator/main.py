"""The orchestrator's process."""

import os

from mesh import logs
from mesh.discovery import Replicas
from mesh.server import GrpcServer, run
from mesh.settings import load
from mesh.tasks import beside
from orchestrator.dependencies import watch
from orchestrator.llm import LanguageModel
from orchestrator.metrics import Metrics
from orchestrator.service import ConversationServicer
from orchestrator.settings import OrchestratorSettings
from orchestrator.speaker import Upstreams
from parley.conversation.v1.conversation_pb2 import DESCRIPTOR
from parley.conversation.v1.conversation_pb2_grpc import add_ConversationServiceServicer_to_server


async def serve(settings: OrchestratorSettings) -> None:
    """Serve conversations until the process is asked to stop and the last has ended."""
    metrics = Metrics()
    async with (
        Replicas("speech recognition", settings.stt_target, meter=metrics.stt_search) as stt,
        Replicas("speech synthesis", settings.tts_target, meter=metrics.tts_search) as tts,
        LanguageModel(settings) as model,
    ):
        servicer = ConversationServicer(settings, stt, Upstreams(model, tts, metrics))
        async with (
            GrpcServer(
                settings,
                services=[DESCRIPTOR.services_by_name["ConversationService"]],
                add=lambda server: add_ConversationServiceServicer_to_server(servicer, server),
            ) as server,
            beside(watch(server.health, stt, tts, model)),
        ):
            await server.until_drained()


def main() -> None:
    """Read the settings, serve."""
    settings = load(OrchestratorSettings, os.environ)
    logs.configure("orchestrator", settings.log_level, settings.log_format)
    run(serve(settings))
