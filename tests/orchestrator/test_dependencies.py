"""The health names stt, tts and llm follow reality."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import grpc
import pytest
from grpc_health.v1 import health_pb2, health_pb2_grpc
from prometheus_client import CollectorRegistry

from mesh.discovery.search import Replicas
from mesh.rpc.server import GrpcServer
from mesh.settings import ServiceSettings
from mesh.tasks import beside
from orchestrator.dependencies import watch
from orchestrator.llm.client import LanguageModel
from orchestrator.metrics import Metrics
from orchestrator.settings import OrchestratorSettings
from tests.fakes import llm as fake_llm
from tests.fakes import stt as fake_stt
from tests.fakes import tts as fake_tts

SERVING = health_pb2.HealthCheckResponse.SERVING
NOT_SERVING = health_pb2.HealthCheckResponse.NOT_SERVING


@pytest.fixture(autouse=True)
def _often(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.dependencies._EVERY_S", 0.02)


class Watching:
    """An orchestrator's health, seen from outside, and what it watches."""

    def __init__(
        self,
        address: str,
        llm: fake_llm.FakeLlm,
        servers: dict[str, list[GrpcServer]],
        registry: CollectorRegistry,
        *,
        llm_server: AsyncExitStack,
        llm_port: int,
    ) -> None:
        self.llm_server = llm_server
        self.llm_port = llm_port
        self.address = address
        self.llm = llm
        self.servers = servers
        self.registry = registry

    async def until(self, name: str, status: int) -> None:
        """Wait until this name has the status."""
        async with grpc.aio.insecure_channel(self.address) as channel, asyncio.timeout(10):
            stub: Any = health_pb2_grpc.HealthStub(channel)
            async for answer in stub.Watch(health_pb2.HealthCheckRequest(service=name)):
                if answer.status == status:
                    return

    async def status(self, name: str) -> int:
        async with grpc.aio.insecure_channel(self.address) as channel:
            stub: Any = health_pb2_grpc.HealthStub(channel)
            answer: health_pb2.HealthCheckResponse = await stub.Check(health_pb2.HealthCheckRequest(service=name))
            return answer.status


@asynccontextmanager
async def watching(replicas: int = 1) -> AsyncIterator[Watching]:
    llm = fake_llm.FakeLlm()
    async with AsyncExitStack() as exits:
        enter = exits.enter_async_context
        servers = {
            "stt": [await enter(fake_stt.serving(fake_stt.FakeStt())) for _ in range(replicas)],
            "tts": [await enter(fake_tts.serving(fake_tts.FakeTts())) for _ in range(replicas)],
        }
        stt, tts = [
            await enter(Replicas(name, ",".join(server.address for server in servers[name]))) for name in ("stt", "tts")
        ]
        llm_server = await enter(AsyncExitStack())
        url = await llm_server.enter_async_context(fake_llm.serving(llm))
        model = await enter(LanguageModel(OrchestratorSettings(llm_url=url)))
        registry = CollectorRegistry()
        server = await enter(GrpcServer(ServiceSettings(), services=[], add=lambda _: None))
        await enter(beside(watch(server.health, stt, tts, model, Metrics(registry))))
        yield Watching(
            server.address, llm, servers, registry, llm_server=llm_server, llm_port=int(url.rpartition(":")[2])
        )


async def test_all_is_well() -> None:
    async with watching() as harness:
        for name in ("", "stt", "tts", "llm"):
            await harness.until(name, SERVING)


@pytest.mark.parametrize("name", ["stt", "tts"])
async def test_a_service_that_goes_down_is_seen_and_takes_nothing_else_with_it(name: str) -> None:
    async with watching() as harness:
        await harness.until(name, SERVING)
        await harness.servers[name][0].__aexit__(None, None, None)
        await harness.until(name, NOT_SERVING)
        for other in {"", "stt", "tts", "llm"} - {name}:
            await harness.until(other, SERVING)
        for each in ("stt", "tts", "llm"):
            assert harness.registry.get_sample_value("parley_dependency_up", {"dependency": each}) == (each != name)


async def test_a_service_that_drains_is_down_and_comes_back() -> None:
    async with watching() as harness:
        await harness.until("stt", SERVING)
        await harness.servers["stt"][0].health.set("", serving=False)
        await harness.until("stt", NOT_SERVING)
        await harness.servers["stt"][0].health.set("", serving=True)
        await harness.until("stt", SERVING)


async def test_one_replica_is_enough() -> None:
    """And the one that drains is not taken for healthy because it has answered."""
    async with watching(replicas=2) as harness:
        draining, _ = harness.servers["stt"]
        await draining.health.set("", serving=False)
        await harness.until("stt", SERVING)
        for _ in range(20):
            assert await harness.status("stt") == SERVING
            await asyncio.sleep(0.02)


async def test_the_model_comes_and_goes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.llm.health.LIST_EVERY_S", 0.1)
    async with watching() as harness:
        await harness.until("llm", SERVING)
        harness.llm.status = 500
        await harness.until("llm", NOT_SERVING)
        harness.llm.status = 200
        await harness.until("llm", SERVING)


async def test_a_server_that_is_gone_is_missed_between_two_lists_and_seen_when_it_is_back() -> None:
    async with watching() as harness:
        await harness.until("llm", SERVING)
        lists = harness.llm.listed
        await harness.llm_server.aclose()
        await harness.until("llm", NOT_SERVING)
        assert harness.llm.listed == lists
        async with fake_llm.serving(harness.llm, harness.llm_port):
            await harness.until("llm", SERVING)


async def test_a_model_that_cannot_be_chosen_is_not_there() -> None:
    async with watching() as harness:
        harness.llm.models = ["one", "other"]
        await harness.until("llm", NOT_SERVING)
        harness.llm.models = ["one"]
        await harness.until("llm", SERVING)
