from collections.abc import AsyncIterator

import pytest

from tests.orchestrator.house import House, Tasks, open_house, own_tasks


@pytest.fixture
async def house() -> AsyncIterator[House]:
    async with open_house() as built:
        yield built


@pytest.fixture
async def tasks_before(house: House) -> Tasks:
    """What runs in an orchestrator that has had a conversation, and has none."""
    async with house.calling() as caller:
        await caller.say("Hi!")
        await caller.until("reply_finished")
    await house.until_empty()
    await house.no_call_left()
    return own_tasks()
