"""A language model that greets, tells a long story when it is asked, and answers in few words from then on."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

from tests.fakes.llm import FakeLlm

STORY = (
    "Once upon a time there was an old man who lived in a small house near the sea. Every morning he went down to the"
    " water and looked at the ships. One day he saw a boat that he had never seen before. It was white and very long,"
    " and nobody knew where it came from."
)


THINKS_S = 0.5
"""Before it answers an interruption: time to see that nothing more of the story is heard."""


class StoryTeller(FakeLlm):
    """It tells by the conversation it is shown what comes next, so that any number can go on at once."""

    def __init__(self) -> None:
        super().__init__()
        self.script = _script


async def _script(request: dict[str, Any]) -> AsyncIterator[str | bytes]:
    given = [message["content"] for message in request["messages"] if message["role"] == "assistant"]
    text = "Hello there." if not given else STORY if len(given) == 1 else "That is a good question."
    if len(given) > 1:
        await asyncio.sleep(THINKS_S)
    for word in text.split():
        yield f" {word}"
