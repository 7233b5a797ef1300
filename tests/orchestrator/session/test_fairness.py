"""However much others ask for at once, a conversation is paced between their steps."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from orchestrator.conversation import events as ev
from orchestrator.session.session import Session, _next_tick
from tests.fakes.llm import written
from tests.orchestrator.harness import Harness, open_harness
from tests.orchestrator.session.test_typed import TEXT_ONLY

TYPED_TURNS = 150
ANSWER = " ".join(f"word{number}" for number in range(30))
"""Of each typed turn. The model writes it all at once."""
PASSES = 4
"""Of the event loop, from the moment a frame is due until it is sent: the one in progress, the timer's and the task's.

One more, because two tasks of a conversation may do something in the same pass.
"""


class Steps:
    """What conversations did, and how long the frames of one of them waited for it: in steps, not in seconds."""

    def __init__(self) -> None:
        self.done: list[tuple[float, str]] = []
        """When each step was taken, and in which conversation."""
        self.listener = ""
        self.frames = 0
        self.most_of_one = 0
        """The most that any other conversation did while a frame was due."""

    def take(self, session: Session) -> None:
        self.done.append((session._clock(), session.session_id))

    def release(self, session: Session) -> None:
        """Count what was done since the timer should have fired."""
        if session.session_id != self.listener or session._deadline is None:
            return
        due = _next_tick(session._started + session._deadline)
        waited: Counter[str] = Counter()
        for at, who in reversed(self.done):
            if at <= due:
                break
            if who != self.listener:
                waited[who] += 1
        self.frames += 1
        self.most_of_one = max(self.most_of_one, *waited.values(), 0)


@pytest.fixture
def steps(monkeypatch: pytest.MonkeyPatch) -> Steps:
    seen = Steps()
    notify, due = Session.notify, Session._do_what_is_due

    def noted(session: Session, event: ev.Event, request_id: str | None = None) -> None:
        seen.take(session)
        notify(session, event, request_id)

    def timed(session: Session, now: float) -> None:
        seen.release(session)
        due(session, now)

    monkeypatch.setattr(Session, "notify", noted)
    monkeypatch.setattr(Session, "_do_what_is_due", timed)
    return seen


@asynccontextmanager
async def listening(steps: Steps) -> AsyncIterator[Harness]:
    """A mesh in which one call listens to a long answer. Everybody else gets a short one."""
    async with open_harness(typed_capacity=TYPED_TURNS, llm_reply_words=1_000) as harness, harness.calling() as call:
        harness.llm.first = [written(" ".join(["sound"] * 900))]
        harness.llm.script = written(ANSWER)
        await call.say("Tell me about the weather.")
        await call.until("reply_audio")
        steps.listener = call.received("started")[0].session_id
        yield harness


async def answered(harness: Harness) -> str:
    """Type a turn, and return its answer."""
    async with harness.calling(TEXT_ONLY) as caller:
        await caller.say("What is the weather like?")
        text: str = (await caller.until("reply_finished")).text
        return text


async def test_a_call_is_paced_between_the_steps_of_typed_conversations(steps: Steps) -> None:
    async with listening(steps) as harness:
        answers = await asyncio.gather(*(answered(harness) for _ in range(TYPED_TURNS)))
        frames = steps.frames
    assert answers == [ANSWER] * TYPED_TURNS
    assert frames
    assert steps.most_of_one <= PASSES


async def test_a_call_is_paced_between_the_turns_of_one_client_that_does_not_wait(steps: Steps) -> None:
    async with listening(steps) as harness, harness.calling(TEXT_ONLY) as caller:
        first = steps.frames
        while steps.frames < first + 5:
            await caller.say("What is the weather like?")
    assert steps.most_of_one <= PASSES
