"""The stand-in for a language model plays every row of the table of how servers answer, and the client copes."""

from contextlib import aclosing
from typing import Any

import httpx2
import pytest

from orchestrator.conversation.transcript import Message, Role
from orchestrator.llm.client import LanguageModel
from orchestrator.llm.failures import LanguageModelFailed
from orchestrator.settings import OrchestratorSettings
from standins.engine import BadChange
from standins.faults import BadFault
from standins.llm.answers import (
    ENDINGS,
    ERRORS,
    NAMED,
    NO_SYSTEM_ROLE,
    RUNAWAYS,
    SHAPES,
    TOO_LONG,
    Answer,
    Refusal,
)
from standins.llm.engine import REPLY, LlmEngine
from standins.llm.options import LlmOptions

ASKED = [Message(Role.SYSTEM, "Be kind."), Message(Role.USER, "When is noon?")]
MOST_WORDS = 7_000


def settings(llm: LlmEngine, **more: Any) -> OrchestratorSettings:
    return OrchestratorSettings(llm_url=llm.url, llm_first_token_s=3.0, llm_next_token_s=3.0, **more)


async def said(model: LanguageModel, messages: list[Message] = ASKED, most: int = MOST_WORDS) -> tuple[str, str | None]:
    """What the model says, as far as `most` words, and what goes wrong."""
    words: list[str] = []
    try:
        async with aclosing(model.words(messages, 0.5)) as answer:
            async for word in answer:
                words.append(word)
                if len(words) == most:
                    break
    except LanguageModelFailed as error:
        return "".join(words), error.message
    return "".join(words), None


@pytest.fixture
def llm() -> LlmEngine:
    return LlmEngine(LlmOptions(first_token_s=0, tokens_per_s=5_000))


async def test_every_answer_has_a_name_of_its_own(llm: LlmEngine) -> None:
    rows = [*SHAPES, *ENDINGS, *ERRORS, *RUNAWAYS]
    assert len({row.name for row in rows}) == len(rows) == len(NAMED) >= 60
    assert llm.state()["answers"] == list(NAMED)


@pytest.mark.parametrize("answer", [*SHAPES, *ENDINGS, *ERRORS], ids=lambda answer: answer.name)
async def test_an_answer_is_played_and_understood(llm: LlmEngine, answer: Answer) -> None:
    async with llm.serving(), LanguageModel(settings(llm)) as model:
        llm.break_down(f"answers:like={answer.name}")
        assert await said(model) == (answer.said, answer.problem)
        await llm.until(lambda: llm.slots.used == 0)


async def test_it_is_played_byte_for_byte(llm: LlmEngine) -> None:
    """Over the control route, as `parley fake-engines` has it."""
    row = NAMED["openrouter-comments"]
    async with llm.serving(), httpx2.AsyncClient(base_url=llm.url) as http:
        faults = [{"kind": "answers", "like": row.name, "skip": 1}]
        assert (await http.patch("/standin", json={"faults": faults})).status_code == 200
        asked = {"model": "parley-standin", "messages": [{"role": "user", "content": "Hi!"}], "stream": True}
        answer = await http.post("/v1/chat/completions", json=asked)
        assert answer.content == b"".join(row.body[1:])
        assert answer.headers["content-type"] == row.content_type


@pytest.mark.parametrize("answer", RUNAWAYS, ids=lambda answer: answer.name)
async def test_one_that_does_not_end_is_left_by_the_client(llm: LlmEngine, answer: Answer) -> None:
    async with llm.serving(), LanguageModel(settings(llm)) as model:
        llm.break_down(f"answers:like={answer.name}")
        text, problem = await said(model, most=20 if answer.repeated else MOST_WORDS)
        if answer.said or answer.problem:
            assert (text, problem) == (answer.said, answer.problem)
        elif answer.name == "endless-repetition":
            assert text == "I am sorry. I am so very sorry. I am so very sorry. I am so very sorry. I am"
        else:
            assert set(text.replace(" ", "")) == {"h", "a"}
        await llm.until(lambda: llm.slots.used == 0)


@pytest.mark.parametrize("refusal", TOO_LONG, ids=lambda refusal: refusal.name)
async def test_a_long_conversation_is_refused_and_cut(llm: LlmEngine, refusal: Refusal) -> None:
    llm.change(context_words=60, context_refusal=refusal.name)
    talk = [Message((Role.USER, Role.ASSISTANT)[n % 2], f"turn {n} of ten words and a few more now") for n in range(15)]
    async with llm.serving(), LanguageModel(settings(llm)) as model:
        assert await said(model, [ASKED[0], *talk]) == (REPLY, None)
        assert llm.refusals > 0
        sent = llm.requests[-1].request["messages"]
        assert sent[0] == {"role": "system", "content": "Be kind."}
        assert sent[-1]["content"].startswith("turn 14 ")


@pytest.mark.parametrize("refusal", NO_SYSTEM_ROLE, ids=lambda refusal: refusal.name)
async def test_the_role_of_the_system_is_refused_and_left_out(llm: LlmEngine, refusal: Refusal) -> None:
    llm.change(system_role=refusal.name)
    async with llm.serving(), LanguageModel(settings(llm)) as model:
        assert await said(model) == (REPLY, None)
        assert (llm.refusals, llm.requests[-1].request["messages"][0]["role"]) == (1, "user")


@pytest.mark.parametrize("status", [403, 404, 405, 410, 429, 501])
async def test_without_a_list_a_model_that_is_named_is_up(llm: LlmEngine, status: int) -> None:
    llm.change(models_status=status)
    async with llm.serving():
        async with LanguageModel(settings(llm, llm_model="parley-standin")) as model:
            assert await model.answers()
            assert await said(model) == (REPLY, None)
            assert await model.answers()
        async with LanguageModel(settings(llm)) as model:
            assert not await model.answers()
            why = f"the server does not list its models (HTTP {status}): name one of them in KYUTAI_LLM_MODEL"
            assert await said(model) == ("", why)


@pytest.mark.parametrize("status", [401, 500, 503])
async def test_a_list_that_is_refused_means_down_unless_real_requests_are_answered(llm: LlmEngine, status: int) -> None:
    llm.change(models_status=status)
    async with llm.serving(), LanguageModel(settings(llm, llm_model="parley-standin")) as model:
        assert not await model.answers()
        assert await said(model) == (REPLY, None)
        assert await model.answers()


@pytest.mark.parametrize("status", [401, 403, 404, 500, 503])
async def test_real_requests_that_are_refused_mean_down_although_the_list_comes(llm: LlmEngine, status: int) -> None:
    async with llm.serving(), LanguageModel(settings(llm, llm_model="parley-standin")) as model:
        assert await model.answers()
        llm.break_down(f"http:status={status}")
        assert (await said(model))[0] == ""
        assert not await model.answers()
        llm.recover()
        assert await said(model) == (REPLY, None)
        assert await model.answers()


async def test_a_server_that_is_busy_is_up(llm: LlmEngine) -> None:
    async with llm.serving(), LanguageModel(settings(llm)) as model:
        assert await model.answers()
        llm.break_down("full")
        assert await said(model) == ("", "the language model has too much to do")
        assert await model.answers()


async def test_what_is_not_in_the_table_is_refused_with_what_is_near(llm: LlmEngine) -> None:
    with pytest.raises(BadFault, match="openrouter-comments"):
        llm.break_down("answers:like=openrouter-comment")
    with pytest.raises(BadChange, match="is one of openai, vllm"):
        llm.change(context_refusal="nobody")
    with pytest.raises(BadChange, match="gemma-s-template"):
        llm.change(system_role="nobody")
