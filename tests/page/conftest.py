from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio

from tests.page.availability import AVAILABLE, REQUIRED

if not AVAILABLE and not REQUIRED:
    # What is left says why, and how to run the rest.
    collect_ignore_glob = ["test_[!a]*.py"]
else:
    from playwright.async_api import Browser

    from tests.page.chromium import chromium, record
    from tests.page.harness import PageHarness, running_harness
    from tests.speech import say

    @pytest.fixture(scope="session")
    def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
        """What the microphone hears: a question, and later somebody who speaks over the answer."""
        path = tmp_path_factory.mktemp("microphone") / "person.wav"
        record(path, seconds=40, at_5=say("Good morning. How are you today?"), at_14=say("Stop please. What is it?"))
        return path

    @pytest_asyncio.fixture(scope="package", loop_scope="package")
    async def browser(recording: Path) -> AsyncIterator[Browser]:
        """One browser for all; each test has a profile of its own in it."""
        async with chromium(recording) as running:
            yield running

    @pytest_asyncio.fixture(scope="package", loop_scope="package")
    async def shared_house() -> AsyncIterator[PageHarness]:
        async with running_harness() as running:
            yield running

    @pytest.fixture
    def harness(shared_house: PageHarness) -> PageHarness:
        """An edge with a scripted orchestrator behind it; what another test has left there is gone."""
        shared_house.fake.refusal = None
        while not shared_house.fake._conversations.empty():
            shared_house.fake._conversations.get_nowait()
        return shared_house
