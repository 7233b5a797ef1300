import asyncio
from collections.abc import Iterator

import pytest

from tests.e2e.mesh import Mesh, running_mesh
from tests.metrics.day import a_day
from tests.metrics.engines import Engines, fake_engines
from tests.metrics.prometheus import AVAILABLE, Prometheus, scraping


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    with fake_engines() as running:
        yield running


@pytest.fixture(scope="module")
def mesh(engines: Engines, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mesh]:
    """Real processes, in front of engines that go wrong when told to."""
    donations = str(tmp_path_factory.mktemp("donations"))
    settings = {"KYUTAI_VOICE_DONATION_DIR": donations, "PARLEY_ORCHESTRATOR_VOICE_WAIT_LIMIT_S": "1"}
    with running_mesh(**engines.variables, **settings) as running:
        yield running


@pytest.fixture(scope="module")
def watching(mesh: Mesh, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Prometheus | None]:
    """A Prometheus that has watched the day, where there is one."""
    if not AVAILABLE:
        yield None
        return
    with scraping(mesh, tmp_path_factory.mktemp("prometheus")) as running:
        yield running


@pytest.fixture(scope="module")
def evening(mesh: Mesh, engines: Engines, watching: Prometheus | None) -> Mesh:  # noqa: ARG001 - it goes before
    """The mesh, when it has had its day."""
    asyncio.run(a_day(mesh, engines))
    return mesh


@pytest.fixture
def prometheus(watching: Prometheus | None, evening: Mesh) -> Prometheus:  # noqa: ARG001 - it goes before
    """The Prometheus that has watched the day."""
    assert watching, "prometheus is not installed"
    return watching
