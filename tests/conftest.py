"""What all tests share.

The harnesses, each beside the tests that it is for:

* `tests/fakes`: servers on real ports, each of which behaves as a test says
* `tests/moshi_client/server.py`: a moshi-server that does with each stream what a test says
* `tests/mesh/discovery/cluster.py`: replicas under one name, and the name service that knows them
* `tests/orchestrator/harness.py`: an orchestrator among stand-ins, in this process
* `tests/edge/conftest.py`: an edge in front of a scripted orchestrator, and clients for it
* `tests/voice_service/harness.py`: a voice service, in this process
* `tests/survival/harness.py`: an edge in front of two orchestrators, in this process
* `tests/page/harness.py`: an edge with its page, for a real browser
* `tests/engines/proxies.py`: both proxies in front of stand-ins of production engines
* `tests/unmute/mesh_with_standins.py`: a mesh of real processes in front of `standins`
* `tests/e2e/mesh.py`: a whole mesh of real processes
* `chaos/mesh.py`: the same with replicas, each of which can be killed, frozen or cut off
* `tests/docs/room.py`: a network of its own, in which the documentation's commands run
"""

import os
from collections.abc import Iterator

import pytest
from hypothesis import HealthCheck, settings

from mesh.process.platform import WantedTime

pytest_plugins = ("tests.left_out", "tests.real_time")

EMBEDDED = {"PARLEY_STT_ENGINE": "pocketsphinx", "PARLEY_TTS_ENGINE": "espeak"}
"""The engines that need no model and little time. A test that is about the default ones says so."""

# How fast an example is made and run says how busy the machine is, not whether the code is right.
settings.register_profile("parley", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("parley")


def pytest_configure() -> None:
    """Choose the engines of every process that a test starts, unless the environment or the test does."""
    for name, engine in EMBEDDED.items():
        os.environ.setdefault(name, engine)


class UntoldTime(WantedTime):
    """As on a system that does not tell."""

    def seconds(self) -> None:
        """Nothing is known."""


@pytest.fixture(scope="session", autouse=True)
def no_saturation() -> Iterator[None]:
    """A service in the tests' own process shares a thread with them, which may well be busy all the time."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("mesh.process.lag.WantedTime", UntoldTime)
        yield
