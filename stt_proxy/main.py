"""The recognition proxy's process."""

from mesh.engines.plugins import Choice
from mesh.process.run import run_process
from mesh.rpc.server import serve as serve_grpc
from parley.stt.v1.stt_pb2 import DESCRIPTOR
from parley.stt.v1.stt_pb2_grpc import add_SpeechToTextServiceServicer_to_server
from stt_proxy.engine import ENGINES, RecognitionEngine
from stt_proxy.metrics import Metrics
from stt_proxy.service import RecognitionServicer
from stt_proxy.settings import SttSettings


async def serve(settings: SttSettings, choice: Choice[RecognitionEngine]) -> None:
    """Recognise streams until the process is asked to stop and the last has ended.

    Serves nothing before the engine takes streams. Raises as `EnginePlugin.open` does.
    """
    async with choice.open() as engine:
        servicer = RecognitionServicer(settings, engine, Metrics())
        await serve_grpc(
            settings,
            services=[DESCRIPTOR.services_by_name["SpeechToTextService"]],
            add=lambda server: add_SpeechToTextServiceServicer_to_server(servicer, server),
            is_up=lambda: engine.available,
        )


def main() -> None:
    """Read the settings, choose the engine, serve."""
    run_process("stt_proxy", SttSettings, serve, engines=ENGINES)
