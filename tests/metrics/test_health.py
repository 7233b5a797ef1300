"""`/v1/health` of a running mesh, of which parts are killed or hang."""

from collections.abc import Iterator
from collections.abc import Set as AbstractSet

import pytest

from tests.e2e.mesh import Mesh, running_mesh
from tests.metrics.day import frozen, health, killed, until_health
from tests.metrics.engines import Engines

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]

CONVERSATION = {"tts_up", "stt_up", "llm_up", "ok"}
DOWN_WITH = {
    "stt_proxy": {"stt_up", "ok"},
    "tts_proxy": {"tts_up", "ok"},
    "responder": {"llm_up", "ok"},
    "voice_service": {"voice_cloning_up"},
    "orchestrator": CONVERSATION,
}
ALL = CONVERSATION | {"voice_cloning_up"}
WELL = dict.fromkeys(ALL, True)


@pytest.fixture(scope="module")
def mesh(engines: Engines) -> Iterator[Mesh]:
    """With the built-in language model, which is a process of the mesh."""
    variables = {name: url for name, url in engines.variables.items() if name != "KYUTAI_LLM_URL"}
    with running_mesh(**variables) as running:
        yield running


def without(parts: AbstractSet[str]) -> dict[str, bool]:
    return {part: part not in parts for part in ALL}


@pytest.mark.unmute("B3")
@pytest.mark.parametrize("service", DOWN_WITH)
async def test_a_service_that_is_killed_is_told_and_no_other(mesh: Mesh, service: str) -> None:
    await until_health(mesh, WELL)
    async with killed(mesh, service):
        await until_health(mesh, without(DOWN_WITH[service]))
    await until_health(mesh, WELL)


@pytest.mark.unmute("B3")
@pytest.mark.parametrize("service", DOWN_WITH)
async def test_a_service_that_hangs_is_told_in_time(mesh: Mesh, service: str) -> None:
    """No answer takes longer than the three seconds that Unmute's page waits: `health` would fail."""
    await until_health(mesh, WELL)
    async with frozen(mesh, service):
        await until_health(mesh, without(DOWN_WITH[service]))
        for _ in range(3):
            assert await health(mesh) == without(DOWN_WITH[service])
    await until_health(mesh, WELL)
