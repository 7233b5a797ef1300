from collections.abc import AsyncIterator, Iterator

import pytest

from tests.orchestrator.harness import Harness, Tasks, open_harness, own_tasks


@pytest.fixture(scope="module", autouse=True)
def _no_certificates(tmp_path_factory: pytest.TempPathFactory) -> Iterator[None]:
    """Loading them, for a TLS that nothing here uses, would take longer than most of these tests."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("SSL_CERT_FILE", raising=False)
        patch.setenv("SSL_CERT_DIR", str(tmp_path_factory.mktemp("none")))
        yield


@pytest.fixture
async def harness() -> AsyncIterator[Harness]:
    async with open_harness() as built:
        yield built


@pytest.fixture
async def tasks_before(harness: Harness) -> Tasks:
    """What runs in an orchestrator that has had a conversation, and has none."""
    async with harness.calling() as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
    await harness.until_empty()
    await harness.no_call_left()
    return own_tasks()
