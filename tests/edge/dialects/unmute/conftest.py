import pytest

from tests.edge.dialects.unmute.told import Told


@pytest.fixture
def told() -> Told:
    return Told()
