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

CROWD = 10_000


class Asked:
    """A mesh's health, and the checks that were made."""

    def __init__(self, orchestrators: Replicas, voices: Replicas) -> None:
        self.checks: list[HealthReport] = []
        self.health = MeshHealth(orchestrators, voices, checked=self.checks.append)


@asynccontextmanager
async def asked(address: str) -> AsyncIterator[Asked]:
    async with Replicas("orchestrator", address) as orchestrators, Replicas("voice service", UNUSED) as voices:
        yield Asked(orchestrators, voices)


@pytest.fixture
async def of_orchestrator(orchestrator: GrpcServer) -> AsyncIterator[Asked]:
    async with asked(orchestrator.address) as house:
        yield house


async def test_a_crowd_costs_one_check(of_orchestrator: Asked) -> None:
    reports = await asyncio.gather(*(of_orchestrator.health.report() for _ in range(CROWD)))
    assert all(report.ok for report in reports)
    assert len(of_orchestrator.checks) == 1


async def test_nobody_makes_more_than_two_checks_a_second(of_orchestrator: Asked) -> None:
    began = time.monotonic()
    while time.monotonic() - began < 1.5:
        await of_orchestrator.health.report()
        await asyncio.sleep(0)
    assert 2 <= len(of_orchestrator.checks) <= (time.monotonic() - began) / CACHED_FOR_S + 1


async def test_a_mesh_that_hangs_is_asked_once_for_all_who_wait() -> None:
    """Also for those who come while it is being asked: however many they are, none waits for a second check."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        async with asked(f"127.0.0.1:{silent.getsockname()[1]}") as house:
            early = [asyncio.create_task(house.health.report()) for _ in range(CROWD // 2)]
            await asyncio.sleep(0.2)
            late = [asyncio.create_task(house.health.report()) for _ in range(CROWD // 2)]
            async with asyncio.timeout(3):
                reports = await asyncio.gather(*early, *late)
    assert not any(report.ok for report in reports)
    assert len(house.checks) == 1


async def test_whoever_goes_away_takes_no_answer_with_them(of_orchestrator: Asked) -> None:
    first = asyncio.create_task(of_orchestrator.health.report())
    others = [asyncio.create_task(of_orchestrator.health.report()) for _ in range(3)]
    await asyncio.sleep(0)
    first.cancel()
    assert all(report.ok for report in await asyncio.gather(*others))
    assert len(of_orchestrator.checks) == 1
