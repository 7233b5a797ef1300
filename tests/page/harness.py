"""A real edge with the page and the voices of eSpeak, and an orchestrator that a test speaks for."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field

from prometheus_client import CollectorRegistry

from edge.server import EdgeServer, serving
from edge.settings import EdgeSettings
from mesh.rpc.server import GrpcServer
from tests.fakes.conversation import FakeConversation, conversation_server
from tests.test_laws import ROOT
from tests.tts_proxy.proxy import serving as speech
from tests.voice_service.harness import voice_service
from voice_service.catalogue import read_catalogue
from voice_service.upkeep import HEALTH_NAME


@dataclass
class PageHarness:
    """What runs, and the means to stop the edge and to have it back at the same port."""

    fake: FakeConversation
    orchestrator: GrpcServer
    voices: GrpcServer
    port: int = 0
    _edge: AsyncExitStack = field(default_factory=AsyncExitStack)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/"

    async def start_edge(self) -> None:
        """Start the edge."""
        settings = EdgeSettings(
            port=self.port, orchestrator_target=self.orchestrator.address, voices_target=self.voices.address
        )
        edge: EdgeServer = await self._edge.enter_async_context(serving(settings, registry=CollectorRegistry()))
        self.port = edge.port

    async def stop_edge(self) -> None:
        """Stop the edge: its clients are cut off."""
        await self._edge.aclose()


@asynccontextmanager
async def running_harness() -> AsyncIterator[PageHarness]:
    """Run all of it meanwhile."""
    fake = FakeConversation()
    catalogue = read_catalogue(ROOT / "voices.yaml")
    async with (
        speech() as tts,
        voice_service(catalogue, tts_target=tts.address) as voices,
        conversation_server(fake) as orchestrator,
    ):
        await voices.health.set(HEALTH_NAME, serving=True)
        harness = PageHarness(fake, orchestrator, voices)
        await harness.start_edge()
        try:
            yield harness
        finally:
            await harness.stop_edge()
