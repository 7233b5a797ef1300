"""What all tests share.

The harnesses, each beside the tests that it is for:

* `tests/orchestrator/harness.py`: an orchestrator among stand-ins, in this process
* `tests/voice_service/harness.py`: a voice service, in this process
* `tests/page/harness.py`: an edge with its page, for a real browser
* `tests/engines/proxies.py`: both proxies in front of stand-ins of production engines
* `tests/e2e/mesh.py`: a whole mesh of real processes
* `tests/docs/room.py`: a network of its own, in which the documentation's commands run
"""

import os

EMBEDDED = {"PARLEY_STT_ENGINE": "pocketsphinx", "PARLEY_TTS_ENGINE": "espeak"}
"""The engines that need no model and little time. A test that is about the default ones says so."""


def pytest_configure() -> None:
    """Choose the engines of every process that a test starts, unless the environment or the test does."""
    for name, engine in EMBEDDED.items():
        os.environ.setdefault(name, engine)
