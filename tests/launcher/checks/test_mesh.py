from collections.abc import AsyncIterator

import pytest
from prometheus_client import CollectorRegistry

from edge.server import EdgeServer, serving
from edge.settings import EdgeSettings
from launcher.checks.mesh import mesh, ports
from mesh.engines.findings import State
from tests.launcher.checks.conftest import Look


@pytest.fixture
async def lonely_edge() -> AsyncIterator[EdgeServer]:
    """An edge that runs while everything it needs is down."""
    settings = EdgeSettings(port=0, orchestrator_target="127.0.0.1:9", voices_target="127.0.0.1:9")
    async with serving(settings, registry=CollectorRegistry()) as server:
        yield server


async def test_a_mesh_that_runs_is_asked_part_by_part(context: Look, lonely_edge: EdgeServer) -> None:
    elsewhere = {f"PARLEY_{name}_PORT": "9" for name in ("ORCHESTRATOR", "STT", "TTS", "VOICES", "RESPONDER")}
    found = await context(port=lonely_edge.port, **elsewhere)
    assert found.running
    faults = {finding.about for finding in await mesh(found) if finding.state is State.WRONG}
    assert faults == {
        *("edge", "orchestrator", "stt-proxy", "tts-proxy", "voice-service"),
        *("speech recognition", "speech synthesis", "the language model"),
    }
    [taken] = await ports(found)
    assert taken.state is State.FINE
    assert "Parley is already running here" in taken.found
