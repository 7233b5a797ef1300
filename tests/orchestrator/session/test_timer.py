"""The session's timer, on the event loop that services run on."""

import asyncio

import pytest
import uvloop

from orchestrator.conversation import Conversation
from orchestrator.conversation.actions import Action
from tests.fakes.llm import written
from tests.orchestrator.caller import TYPED
from tests.orchestrator.harness import open_harness


class Clocked(Conversation):
    """Counts the times it is woken up by the timer: when it was time, and when it was not yet."""

    due = early = 0

    def handle_timeout(self, now: float) -> list[Action]:
        task = asyncio.current_task()
        if task and "_keep_time" in repr(task.get_coro()):
            if self.deadline is not None and now >= self.deadline:
                Clocked.due += 1
            else:
                Clocked.early += 1
        return super().handle_timeout(now)


def test_it_fires_when_it_is_time_and_not_again_and_again_before(monkeypatch: pytest.MonkeyPatch) -> None:
    async def converse() -> None:
        async with open_harness() as harness, harness.calling(TYPED) as caller:
            harness.llm.script = written(*(f"word{number} " for number in range(25)))
            await caller.say("Hi!")
            await caller.until("reply_finished")

    monkeypatch.setattr("orchestrator.session.session.Conversation", Clocked)
    uvloop.run(converse())

    assert Clocked.due > 20
    assert Clocked.early < 3
