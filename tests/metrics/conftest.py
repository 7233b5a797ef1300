import asyncio
from collections.abc import Iterator

import pytest

from tests.e2e.mesh import Mesh, running_mesh
from tests.metrics.day import a_day
from tests.metrics.engines import Engines, fake_engines


@pytest.fixture(scope="module")
def engines() -> Iterator[Engines]:
    with fake_engines() as running:
        yield running


@pytest.fixture(scope="module")
def mesh(engines: Engines) -> Iterator[Mesh]:
    """Real processes, in front of engines that go wrong when told to."""
    with running_mesh(**engines.variables) as running:
        yield running


@pytest.fixture(scope="module")
def evening(mesh: Mesh, engines: Engines) -> Mesh:
    """The mesh, when it has had its day."""
    asyncio.run(a_day(mesh, engines))
    return mesh
