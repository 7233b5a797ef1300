"""A reply's synthesis is opened before the model has written its first word.

How often it is ready by then is measured by benchmarks/first_word_wait.py.
"""

from collections.abc import AsyncIterator

from tests.orchestrator.caller import TYPED
from tests.orchestrator.harness import Harness


async def test_the_synthesis_does_not_wait_for_the_model(harness: Harness) -> None:
    """The model here waits for the synthesis: were it the other way round too, nothing would ever be said."""

    async def waiting(_request: object) -> AsyncIterator[str | bytes]:
        await harness.tts.speaking()
        yield "Hello."

    harness.llm.script = waiting
    async with harness.calling(TYPED) as caller:
        await caller.say("Hi!")
        assert (await caller.until("reply_finished")).text == "Hello."
