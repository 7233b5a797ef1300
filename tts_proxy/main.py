"""The synthesis proxy's process."""

from mesh.discovery.search import Replicas
from mesh.engines.plugins import Choice
from mesh.process.run import run_process
from mesh.rpc.server import serve as serve_grpc
from parley.tts.v1.tts_pb2 import DESCRIPTOR
from parley.tts.v1.tts_pb2_grpc import add_TextToSpeechServiceServicer_to_server
from tts_proxy.engine import ENGINES, SynthesisEngine
from tts_proxy.metrics import Metrics
from tts_proxy.service import SynthesisServicer
from tts_proxy.settings import TtsSettings
from tts_proxy.voices import Voices


async def serve(settings: TtsSettings, choice: Choice[SynthesisEngine]) -> None:
    """Speak replies until the process is asked to stop and the last is spoken.

    Serves nothing before the engine takes replies. Raises as `EnginePlugin.open` does.
    """
    async with choice.open() as engine, Replicas("voice service", settings.voices_target) as voices:
        servicer = SynthesisServicer(settings, engine, Voices(voices, engine.name), Metrics())
        await serve_grpc(
            settings,
            services=[DESCRIPTOR.services_by_name["TextToSpeechService"]],
            add=lambda server: add_TextToSpeechServiceServicer_to_server(servicer, server),
            is_up=lambda: engine.available,
        )


def main() -> None:
    """Read the settings, choose the engine, serve."""
    run_process("tts_proxy", TtsSettings, serve, engines=ENGINES)
