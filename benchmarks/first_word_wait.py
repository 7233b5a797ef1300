"""How often a reply's synthesis is ready before its first word.

Four typed conversations at once ask for 75 replies each, from a language model whose first word takes 100 ms. Every
replica stands in on a loopback port of its own. Prints the share of replies whose first word found a synthesis ready,
and the mean wait of the others' first words as a share of the model's 100 ms. On an idle machine the first is at least
0.99.

    python -m benchmarks.first_word_wait
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack

from tests.orchestrator.caller import TYPED, Caller
from tests.orchestrator.harness import open_harness

CALLERS = 4
REPLIES_EACH = 75
FIRST_WORD_S = 0.1


async def main() -> None:
    """Measure, and print one line."""

    async def slow(_request: object) -> AsyncIterator[str | bytes]:
        await asyncio.sleep(FIRST_WORD_S)
        yield "Yes."

    async def converse(caller: Caller) -> None:
        for _ in range(REPLIES_EACH):
            await caller.say("Go on.")
            await caller.until("reply_finished")

    async with open_harness() as harness, AsyncExitStack() as calls:
        harness.llm.script = slow
        callers = [await calls.enter_async_context(harness.calling(TYPED)) for _ in range(CALLERS)]
        await asyncio.gather(*(converse(caller) for caller in callers))

        def value(suffix: str, **labels: str) -> float:
            return harness.registry.get_sample_value(f"parley_first_word_wait_seconds_{suffix}", labels) or 0.0

        replies, ready = value("count"), value("bucket", le="0.0")
        late = value("sum") / max(1.0, replies - ready) / FIRST_WORD_S
    print(f"{replies:.0f} replies: ready {ready / replies:.3f}, late by {late:.3f} of the model's first word")


if __name__ == "__main__":
    asyncio.run(main())
