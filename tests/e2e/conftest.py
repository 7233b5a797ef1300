import socket
from collections.abc import AsyncIterator, Iterator

import pytest

from tests.e2e.mesh import Mesh, running_mesh
from tests.fakes.llm import FakeLlm, serving


@pytest.fixture(scope="session")
def mesh() -> Iterator[Mesh]:
    """A mesh that all tests share; what one does must not disturb another."""
    with running_mesh() as running:
        yield running


@pytest.fixture(scope="session")
def llm_port() -> int:
    """Where `scripted_mesh` looks for its language model, which each test serves there."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.fixture(scope="session")
def scripted_mesh(llm_port: int) -> Iterator[Mesh]:
    """A mesh whose language model is the test's own."""
    with running_mesh(KYUTAI_LLM_URL=f"http://127.0.0.1:{llm_port}") as running:
        yield running


@pytest.fixture
async def llm(llm_port: int) -> AsyncIterator[FakeLlm]:
    """The language model of `scripted_mesh`."""
    fake = FakeLlm()
    async with serving(fake, llm_port):
        yield fake
