"""Models that think before they answer: what is heard of it, how long it may take, how they are kept from it."""

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from structlog.testing import capture_logs

from orchestrator.conversation.transcript import Message, Role
from orchestrator.llm.client import LanguageModel
from orchestrator.llm.failures import LanguageModelFailed
from orchestrator.settings import OrchestratorSettings
from standins.llm.engine import REPLY, LlmEngine
from standins.llm.options import LlmOptions

ASKED = [Message(Role.USER, "Hi!")]
SHAPES = ("field", "reasoning", "parts", "tags", "channels")
NOT_TO_THINK = {
    "reasoning_effort": "none",
    "chat_template_kwargs": {"enable_thinking": False, "thinking": False},
}


@asynccontextmanager
async def speaking_to(
    settings: dict[str, Any] | None = None, **options: Any
) -> AsyncIterator[tuple[LlmEngine, LanguageModel]]:
    chosen = LlmOptions(**{"first_token_s": 0.0, "tokens_per_s": 10_000.0, **options})
    async with (
        LlmEngine(chosen).serving() as llm,
        LanguageModel(OrchestratorSettings(llm_url=llm.url, **(settings or {}))) as model,
    ):
        yield llm, model


async def answer(model: LanguageModel) -> str:
    return "".join([word async for word in model.words(ASKED, 0.5)])


@pytest.mark.unmute("S10")
@pytest.mark.parametrize("reasoning", SHAPES)
async def test_thoughts_are_not_heard(reasoning: str) -> None:
    async with speaking_to(reasoning=reasoning) as (_, model):
        assert await answer(model) == REPLY
        assert model.reasons


async def test_a_model_that_does_not_think_is_known_not_to() -> None:
    async with speaking_to() as (_, model):
        assert await answer(model) == REPLY
        assert not model.reasons


@pytest.mark.parametrize(
    "name", ["qwen3-30b-thinking-2507", "QwQ-32B", "deepseek-ai/DeepSeek-R1-Distill", "deepseek-reasoner"]
)
async def test_a_thought_that_is_not_opened_is_expected_of_some_models(name: str) -> None:
    async with speaking_to(reasoning="unopened", models=(name,)) as (_, model):
        assert await answer(model) == REPLY


async def test_one_that_was_not_expected_is_the_next_time() -> None:
    async with speaking_to(reasoning="unopened") as (_, model):
        with capture_logs() as logged:
            assert (await answer(model)).endswith(f" {REPLY}")
        assert any("reasoned aloud" in line["event"] for line in logged)
        assert await answer(model) == REPLY
        assert await answer(model) == REPLY


async def test_one_that_has_changed_is_heard_at_once_after_a_while() -> None:
    async with speaking_to(reasoning="unopened") as (llm, model):
        await answer(model)
        llm.change(reasoning="none")
        for _ in range(3):
            assert await answer(model) == REPLY
        llm.change(tokens_per_s=100.0)
        async for word in model.words(ASKED, 0.5):
            assert word == "That"
            break
        assert not (await llm.request(4)).complete


async def test_a_model_that_only_sounds_like_it_is_heard_at_once_the_next_time() -> None:
    async with speaking_to(models=("r1",), tokens_per_s=100.0) as (llm, model):
        assert await answer(model) == REPLY
        async for word in model.words(ASKED, 0.5):
            assert word == "That"
            break
        assert not (await llm.request(1)).complete


async def test_a_model_that_sounds_like_it_and_has_a_place_for_its_thoughts_is_heard_at_once() -> None:
    async with speaking_to(models=("r1",), tokens_per_s=100.0, reasoning="field") as (llm, model):
        async for word in model.words(ASKED, 0.5):
            assert word == "That"
            break
        assert not (await llm.request()).complete


@pytest.mark.parametrize("reasoning", ["tags", "field", "channels"])
async def test_a_model_that_thinks_is_given_more_time(reasoning: str) -> None:
    limits = {"llm_first_token_s": 1.0, "llm_next_token_s": 1.0, "llm_thinking_s": 10.0}
    async with speaking_to(limits, reasoning=reasoning, thought_s=1.5, tokens_per_s=200.0) as (_, model):
        began = time.monotonic()
        assert await answer(model) == REPLY
        assert time.monotonic() - began > 1.4


@pytest.mark.parametrize("reasoning", [*SHAPES, "unopened"])
async def test_people_are_told_of_a_long_thought(reasoning: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.llm.deadlines._ANNOUNCE_AFTER_S", 0.2)
    async with speaking_to(reasoning=reasoning, models=("r1",), thought_s=0.6, tokens_per_s=200.0) as (llm, model):
        assert await answer(model) == f"Let me think… {REPLY}"
        llm.change(thought_s=0.0, tokens_per_s=10_000)
        assert await answer(model) == REPLY


async def test_people_are_told_nothing_where_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.llm.deadlines._ANNOUNCE_AFTER_S", 0.0)
    async with speaking_to({"llm_thinking_text": " "}, reasoning="field") as (_, model):
        assert await answer(model) == REPLY


async def test_a_model_that_is_only_slow_thinks_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.llm.deadlines._ANNOUNCE_AFTER_S", 0.0)
    async with speaking_to(first_token_s=0.2) as (_, model):
        assert await answer(model) == REPLY


@pytest.mark.parametrize("reasoning", ["tags", "field"])
async def test_but_not_for_ever(reasoning: str) -> None:
    limits = {"llm_first_token_s": 0.3, "llm_thinking_s": 0.6}
    async with speaking_to(limits, reasoning=reasoning, thought_s=30.0, tokens_per_s=100.0) as (llm, model):
        began = time.monotonic()
        with pytest.raises(LanguageModelFailed, match="took too long"):
            await answer(model)
        assert 0.5 < time.monotonic() - began < 3
        await llm.slots.until_free()
        assert len(llm.requests) == 1


async def test_one_that_falls_silent_while_it_thinks_is_given_up() -> None:
    limits = {"llm_next_token_s": 0.3, "llm_thinking_s": 30.0}
    async with speaking_to(limits, reasoning="field") as (llm, model):
        llm.break_down("stall:after=3")
        with pytest.raises(LanguageModelFailed, match="took too long"):
            await answer(model)
        await llm.slots.until_free()


async def test_a_thought_without_an_answer_is_a_failure() -> None:
    async with speaking_to(reasoning="unclosed") as (llm, model):
        with pytest.raises(LanguageModelFailed, match="thought, and said nothing"):
            await answer(model)
        assert len(llm.requests) == 1


async def test_an_expected_thought_that_is_cut_off_is_not_heard() -> None:
    async with speaking_to(models=("r1",), finish_reason="length") as (_, model):
        with pytest.raises(LanguageModelFailed, match="limit of tokens"):
            await answer(model)


# --- switching it off ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize("reasoning", [*SHAPES, "unopened", "unclosed"])
async def test_it_is_asked_not_to_think(reasoning: str) -> None:
    async with speaking_to(reasoning=reasoning, obeys=True) as (llm, model):
        assert await answer(model) == REPLY
        assert not model.reasons
        assert (await llm.request()).request.items() >= NOT_TO_THINK.items()


async def test_it_may_be_left_to_think() -> None:
    async with speaking_to({"llm_reasoning": "auto"}, reasoning="field", obeys=True) as (llm, model):
        assert await answer(model) == REPLY
        assert model.reasons
        assert not (await llm.request()).request.keys() & NOT_TO_THINK.keys()


@pytest.mark.parametrize(
    ("refused", "sent"),
    [
        ("reasoning_effort", {"temperature", "chat_template_kwargs"}),
        ("chat_template_kwargs", {"temperature", "reasoning_effort"}),
        ("temperature", {"reasoning_effort", "chat_template_kwargs"}),
        ("reasoning_effort,chat_template_kwargs,temperature", set[str]()),
    ],
)
async def test_what_a_server_refuses_is_not_sent_again(refused: str, sent: set[str]) -> None:
    async with speaking_to(refuses=tuple(refused.split(","))) as (llm, model):
        for number in range(3):
            assert await answer(model) == REPLY
            request = (await llm.request(number)).request
            assert request.keys() == {"model", "messages", "stream", *sent}
        assert llm.slots.granted == 3
        assert llm.refusals == 1


async def test_a_refusal_of_everything_is_told_and_nothing_is_learned_from_it() -> None:
    async with speaking_to(refuses=("messages",)) as (llm, model):
        with pytest.raises(LanguageModelFailed, match="HTTP 400"):
            await answer(model)
        llm.change(refuses=())
        assert await answer(model) == REPLY
        assert (await llm.request()).request.items() >= NOT_TO_THINK.items()


async def test_people_may_add_fields_and_go_before_ours() -> None:
    extra = {"top_p": 0.9, "chat_template_kwargs": {"thinking_budget": 0}, "temperature": 0.1}
    async with speaking_to({"llm_extra_body": extra}) as (llm, model):
        assert await answer(model) == REPLY
        assert (await llm.request()).request.items() >= extra.items()
