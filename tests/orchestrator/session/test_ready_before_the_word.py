"""A reply's synthesis is there before the model has written its first word."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from tests.orchestrator.caller import TYPED, Caller
from tests.orchestrator.harness import Harness, open_harness

CALLERS = 4
REPLIES_EACH = 75


async def test_the_synthesis_does_not_wait_for_the_model(harness: Harness) -> None:
    """The model here waits for the synthesis: were it the other way round too, nothing would ever be said."""

    async def waiting(_request: object) -> AsyncIterator[str | bytes]:
        await harness.tts.speaking()
        yield "Hello."

    harness.llm.script = waiting
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        assert (await caller.until("reply_finished")).text == "Hello."


async def test_it_is_ready_in_at_least_99_of_100_replies() -> None:
    """With a model whose first token takes 100 ms."""

    async def thinking(_request: object) -> AsyncIterator[str | bytes]:
        await asyncio.sleep(0.1)
        yield "Yes."

    async def converse(caller: Caller) -> None:
        for _ in range(REPLIES_EACH):
            await caller.say("Go on.")
            await caller.until("reply_finished")

    async with open_harness() as harness, AsyncExitStack() as calls:
        harness.llm.script = thinking
        callers = [await calls.enter_async_context(harness.calling(TYPED)) for _ in range(CALLERS)]
        await asyncio.gather(*(converse(caller) for caller in callers))
        replies = harness.registry.get_sample_value("parley_first_word_wait_seconds_count")
        ready = harness.registry.get_sample_value("parley_first_word_wait_seconds_bucket", {"le": "0.0"})
    assert replies == CALLERS * REPLIES_EACH
    assert ready is not None
    assert ready / replies >= 0.99
