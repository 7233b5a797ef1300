"""An edge in front of two orchestrators that share their stand-ins, and a client of its WebSocket."""

import asyncio
import base64
import json
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from typing import Any

from prometheus_client import CollectorRegistry
from websockets.asyncio.client import ClientConnection, connect

from edge.server import EdgeServer, serving
from edge.settings import EdgeSettings
from mesh.rpc.server import GrpcServer
from orchestrator.recorder import Recordings
from orchestrator.settings import OrchestratorSettings
from tests.fakes import llm as fake_llm
from tests.fakes import stt as fake_stt
from tests.fakes import tts as fake_tts
from tests.orchestrator.harness import orchestrator
from tests.ports import free_port

KEY = "a key of these tests"
LIMIT_S = 10.0


class Orchestrator:
    """One replica, at an address that stays its own."""

    def __init__(self, settings: OrchestratorSettings, stt: str, tts: str) -> None:
        self.settings = settings
        self.address = f"127.0.0.1:{settings.port}"
        self.server: GrpcServer | None = None
        self._exits = AsyncExitStack()
        self._upstreams = (stt, tts)

    async def start(self) -> None:
        async with AsyncExitStack() as exits:
            recordings = await exits.enter_async_context(Recordings(self.settings))
            self.server = await exits.enter_async_context(
                orchestrator(self.settings, *self._upstreams, CollectorRegistry(), recordings)
            )
            self._exits = exits.pop_all()

    async def kill(self) -> None:
        """Cut off everything it does."""
        self.server = None
        await self._exits.aclose()

    async def drain(self) -> None:
        """Be asked to stop."""
        assert self.server
        await self.server._refuse_calls()

    @property
    def has_calls(self) -> bool:
        return self.server is not None and not self.server._calls.none_left.is_set()


@dataclass
class Mesh:
    """What a test has."""

    stt: fake_stt.FakeStt
    tts: fake_tts.FakeTts
    llm: fake_llm.FakeLlm
    orchestrators: list[Orchestrator]
    edge: EdgeServer
    exits: AsyncExitStack

    async def another_edge(self, **settings: Any) -> EdgeServer:
        return await self.exits.enter_async_context(edge_of(self.orchestrators, **settings))

    def busy(self) -> Orchestrator:
        """The replica that has the conversation."""
        (one,) = [each for each in self.orchestrators if each.has_calls]
        return one


def edge_of(orchestrators: list[Orchestrator], **settings: Any) -> AbstractAsyncContextManager[EdgeServer]:
    targets = ",".join(each.address for each in orchestrators)
    chosen = EdgeSettings(port=0, orchestrator_target=targets, voices_target="127.0.0.1:9", **settings)
    return serving(chosen, registry=CollectorRegistry())


@asynccontextmanager
async def open_mesh(replicas: int = 2, edge: dict[str, Any] | None = None, **settings: Any) -> AsyncIterator[Mesh]:
    stt, tts, llm = fake_stt.FakeStt(), fake_tts.FakeTts(), fake_llm.FakeLlm()
    async with AsyncExitStack() as exits:
        enter = exits.enter_async_context
        stt_server, tts_server = await enter(fake_stt.serving(stt)), await enter(fake_tts.serving(tts))
        url = await enter(fake_llm.serving(llm))
        orchestrators = []
        for _ in range(replicas):
            chosen = {"checkpoint_key": KEY, **settings}
            one = Orchestrator(
                OrchestratorSettings(port=free_port(), metrics_port=0, llm_url=url, **chosen),
                stt_server.address,
                tts_server.address,
            )
            await one.start()
            exits.push_async_callback(one.kill)
            orchestrators.append(one)
        served = await enter(edge_of(orchestrators, **(edge or {})))
        yield Mesh(stt, tts, llm, orchestrators, served, exits)


@dataclass
class Talk:
    """A client of `/v1/converse`, which keeps what it is told."""

    websocket: ClientConnection
    events: list[dict[str, Any]] = field(default_factory=list)

    async def send(self, **request: Any) -> None:
        await self.websocket.send(json.dumps(request))

    async def play(self, frame: bytes, times: int = 1) -> None:
        for _ in range(times):
            await self.send(audio={"audio": base64.b64encode(frame).decode()})

    async def next(self) -> dict[str, Any]:
        async with asyncio.timeout(LIMIT_S):
            event: dict[str, Any] = json.loads(await self.websocket.recv())
        self.events.append(event)
        return event

    async def until(self, name: str) -> dict[str, Any]:
        while name not in (event := await self.next()):
            assert "error" not in event, event
        told: dict[str, Any] = event[name]
        return told

    def told(self, name: str) -> list[dict[str, Any]]:
        return [event[name] for event in self.events if name in event]


@asynccontextmanager
async def talk(port: int, **config: Any) -> AsyncIterator[Talk]:
    async with connect(f"ws://127.0.0.1:{port}/v1/converse", proxy=None) as websocket:
        talking = Talk(websocket)
        await talking.send(config=config)
        await talking.until("started")
        yield talking
