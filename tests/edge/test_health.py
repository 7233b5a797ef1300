"""How often the mesh is asked for its health, whoever asks the edge."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from edge.health import CACHED_FOR_S, HealthReport, MeshHealth
from mesh.discovery.search import Replicas
from mesh.rpc.server import GrpcServer
from tests.edge.conftest import UNUSED

MANY_CLIENTS = 10_000


class HealthProbe:
    """A mesh's health, and the checks that were made."""

    def __init__(self, orchestrators: Replicas, voices: Replicas) -> None:
        self.checks: list[HealthReport] = []
        self.health = MeshHealth(orchestrators, voices, checked=self.checks.append)


@asynccontextmanager
async def health_probe(address: str) -> AsyncIterator[HealthProbe]:
    async with Replicas("orchestrator", address) as orchestrators, Replicas("voice service", UNUSED) as voices:
        yield HealthProbe(orchestrators, voices)


@pytest.fixture
async def probe(orchestrator: GrpcServer) -> AsyncIterator[HealthProbe]:
    async with health_probe(orchestrator.address) as made:
        yield made


async def test_many_clients_cost_one_check(probe: HealthProbe) -> None:
    reports = await asyncio.gather(*(probe.health.report() for _ in range(MANY_CLIENTS)))
    assert all(report.ok for report in reports)
    assert len(probe.checks) == 1


async def test_nobody_makes_more_than_two_checks_a_second(probe: HealthProbe) -> None:
    began = time.monotonic()
    while time.monotonic() - began < 1.5:
        await probe.health.report()
        await asyncio.sleep(0)
    assert 2 <= len(probe.checks) <= (time.monotonic() - began) / CACHED_FOR_S + 1


async def test_a_mesh_that_hangs_is_asked_once_for_all_who_wait() -> None:
    """Also for those who come while it is being asked: however many they are, none waits for a second check."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with health_probe(f"127.0.0.1:{silent.getsockname()[1]}") as probe:
            early = [asyncio.create_task(probe.health.report()) for _ in range(MANY_CLIENTS // 2)]
            await asyncio.sleep(0.2)
            late = [asyncio.create_task(probe.health.report()) for _ in range(MANY_CLIENTS // 2)]
            reports = await asyncio.gather(*early, *late)
    assert not any(report.ok for report in reports)
    assert len(probe.checks) == 1


async def test_whoever_goes_away_takes_no_answer_with_them(probe: HealthProbe) -> None:
    first = asyncio.create_task(probe.health.report())
    others = [asyncio.create_task(probe.health.report()) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    assert all(report.ok for report in await asyncio.gather(*others))
    assert len(probe.checks) == 1
