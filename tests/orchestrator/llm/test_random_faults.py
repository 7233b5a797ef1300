"""Many answers at once from a server that does everything wrong: each ends, and nothing stays behind."""

import asyncio
import random
from typing import Any

from orchestrator.conversation.transcript import Message, Role
from orchestrator.llm.client import LanguageModel
from orchestrator.llm.failures import LanguageModelFailed
from orchestrator.settings import OrchestratorSettings
from standins.llm.engine import REPLY, LlmEngine
from standins.llm.options import LlmOptions
from tests.orchestrator.harness import own_tasks

ROUNDS = 12
AT_ONCE = 10
SHAPES = ("none", "field", "reasoning", "parts", "tags", "channels", "unclosed")
FAULTS = (
    *("full", "http:status=500", "http:status=401", "http:status=404", "silent", "slow:first=0.2,each=0.01"),
    *("stall:after=0", "stall:after=4", "garbage:after=0", "garbage:after=5,count=3", "error:after=0", "error:after=6"),
    *("close:after=0,how=reset", "close:after=3,how=eof", "close:after=8,how=reset"),
)


async def test_every_answer_ends_and_every_slot_is_given_back() -> None:
    dice = random.Random(5)  # noqa: S311 - no secret
    settings: dict[str, Any] = {"llm_first_token_s": 0.5, "llm_next_token_s": 0.3, "llm_thinking_s": 0.8}
    before = own_tasks()
    async with (
        LlmEngine(LlmOptions(first_token_s=0, tokens_per_s=2_000)).serving() as llm,
        LanguageModel(OrchestratorSettings(llm_url=llm.url, **settings)) as model,
    ):
        heard = [each for _ in range(ROUNDS) for each in await blow(llm, model, dice)]
        llm.recover()
        llm.change(reasoning="none")
        assert await answer(model) == REPLY
        await llm.slots.until_free()
    assert own_tasks() == before
    assert REPLY in heard
    assert None in heard
    assert all(each is None or REPLY.startswith(each) for each in heard)


async def blow(llm: LlmEngine, model: LanguageModel, dice: random.Random) -> list[str | None]:
    """Ask many times at once; what was heard of each answer, None of those that nobody waited for or that failed."""
    llm.change(reasoning=dice.choice(SHAPES))
    llm.break_down(*(f"{fault}{',' if ':' in fault else ':'}probability=0.2" for fault in dice.sample(FAULTS, 4)))
    asking = [asyncio.create_task(answer(model)) for _ in range(AT_ONCE)]
    await asyncio.sleep(dice.random() * 0.05)
    for impatient in dice.sample(asking, 3):
        impatient.cancel()
    answers = await asyncio.gather(*asking, return_exceptions=True)
    kinds = {type(each) for each in answers} - {str}
    assert kinds <= {LanguageModelFailed, asyncio.CancelledError}
    await llm.slots.until_free()
    return [each if isinstance(each, str) else None for each in answers]


async def answer(model: LanguageModel) -> str:
    async with asyncio.timeout(5):
        return "".join([word async for word in model.words([Message(Role.USER, "Hi!")], 0.5)])
