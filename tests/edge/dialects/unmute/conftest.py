import pytest

from tests.edge.dialects.unmute.harness import DialectHarness


@pytest.fixture
def harness() -> DialectHarness:
    return DialectHarness()
