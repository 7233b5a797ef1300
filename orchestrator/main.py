"""The orchestrator's process."""

import asyncio
from pathlib import Path

import structlog

from mesh.discovery.search import Replicas
from mesh.process.lag import Overload
from mesh.process.run import CannotStart, run_process
from mesh.rpc.server import GrpcServer
from mesh.tasks import beside
from orchestrator.dependencies import watch
from orchestrator.llm.address import BadAddress
from orchestrator.llm.several import AnyLanguageModel, language_model
from orchestrator.metrics import Metrics
from orchestrator.prompts.headlines import HeadlineCache
from orchestrator.prompts.prompts import Prompts
from orchestrator.prompts.templates import TemplateError
from orchestrator.prompts.texts import Texts, read_texts
from orchestrator.recorder import Recordings
from orchestrator.session.reply import Upstreams
from orchestrator.session.service import ConversationServicer
from orchestrator.session.synthesis_queue import SynthesisQueue
from orchestrator.settings import OrchestratorSettings
from parley.conversation.v1.conversation_pb2 import DESCRIPTOR
from parley.conversation.v1.conversation_pb2_grpc import add_ConversationServiceServicer_to_server

_log = structlog.get_logger()


async def serve(settings: OrchestratorSettings) -> None:
    """Serve conversations until the process is asked to stop and the last has ended.

    Raises `CannotStart` for a text of a character that cannot be used, and if the language model cannot be asked.
    """
    texts = await asyncio.to_thread(_texts, settings)
    metrics, overload = Metrics(), Overload(settings.overload_lag_s)
    async with (
        Replicas("speech recognition", settings.stt_target, meter=metrics.stt_search) as stt,
        Replicas("speech synthesis", settings.tts_target, meter=metrics.tts_search) as tts,
        _model(settings) as model,
        HeadlineCache(settings) as news,
        Recordings(settings) as recordings,
    ):
        upstreams = Upstreams(model, tts, metrics, SynthesisQueue(settings.voice_wait_s))
        servicer = ConversationServicer(settings, stt, upstreams, Prompts(texts, news), recordings, overload=overload)
        async with (
            GrpcServer(
                settings,
                services=[DESCRIPTOR.services_by_name["ConversationService"]],
                add=lambda server: add_ConversationServiceServicer_to_server(servicer, server),
            ) as server,
            beside(
                watch(server.health, stt, tts, model, metrics),
                servicer.leave(server.draining, settings.drain_limit_s),
            ),
        ):
            if settings.checkpoint_key is None:
                _log.info(
                    "no checkpoint key is set: only this process can resume its conversations",
                    setting="PARLEY_ORCHESTRATOR_CHECKPOINT_KEY",
                )
            with overload.watched():
                await server.until_drained()


def _model(settings: OrchestratorSettings) -> AnyLanguageModel:
    try:
        return language_model(settings)
    except BadAddress as error:
        raise CannotStart("the language model cannot be asked", problem=str(error)) from None


def _texts(settings: OrchestratorSettings) -> Texts:
    try:
        return read_texts(Path(settings.characters_folder) if settings.characters_folder else None)
    except TemplateError as error:
        raise CannotStart("a character cannot be used", problem=str(error)) from None


def main() -> None:
    """Read the settings, serve."""
    run_process("orchestrator", OrchestratorSettings, serve)
