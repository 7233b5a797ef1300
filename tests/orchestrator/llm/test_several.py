"""Several language models: the next one is asked when one fails or is late."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest

from orchestrator.conversation.transcript import Message, Role
from orchestrator.llm.address import BadAddress
from orchestrator.llm.client import LanguageModel
from orchestrator.llm.failures import LanguageModelFailed
from orchestrator.llm.several import LanguageModels, language_model
from orchestrator.settings import OrchestratorSettings
from tests.fakes.llm import FakeLlm, breaks_off, serving, written

ASKED = [Message(Role.USER, "Hi!")]
NOWHERE = "http://127.0.0.1:9"


async def waits(_request: dict[str, Any]) -> AsyncIterator[str | bytes | None]:
    await asyncio.Event().wait()
    yield None


def saying(text: str) -> FakeLlm:
    fake = FakeLlm()
    fake.script = written(text)
    return fake


@asynccontextmanager
async def models(*fakes: FakeLlm, first: str | None = None) -> AsyncIterator[LanguageModels]:
    """The fakes as models, in this order; `first` is an address before them."""
    if fakes:
        async with serving(fakes[-1]) as url, _before(fakes[:-1], [url], first) as several:
            yield several


@asynccontextmanager
async def _before(fakes: tuple[FakeLlm, ...], urls: list[str], first: str | None) -> AsyncIterator[LanguageModels]:
    if fakes:
        async with serving(fakes[-1]) as url, _before(fakes[:-1], [url, *urls], first) as several:
            yield several
        return
    primary, *others = [first, *urls] if first else urls
    made = language_model(OrchestratorSettings(llm_url=primary, llm_fallback_urls=tuple(others), llm_next_token_s=0.5))
    assert isinstance(made, LanguageModels)
    async with made as several:
        yield several


async def answer(several: LanguageModels) -> str:
    return "".join([word async for word in several.words(ASKED, 0.5)])


async def test_the_first_answers_while_it_can() -> None:
    one, other = saying("One."), saying("Other.")
    async with models(one, other) as several:
        for _ in range(3):
            assert await answer(several) == "One."
        assert await several.answers()
        assert (several.known_name, several.chosen_name) == ("fake/small-talk", "fake/small-talk")
    assert other.requests == []


@pytest.mark.parametrize("status", [401, 500])
async def test_one_that_refuses_is_passed_over_and_rests(status: int) -> None:
    one, other = saying("One."), saying("Other.")
    async with models(one, other) as several:
        await several.answers()
        one.status = status
        assert await answer(several) == "Other."
        asked = len(one.requests)
        assert await answer(several) == "Other."
        assert len(one.requests) == asked
        one.status = 200
        several._pool.listed[0].set_serving(False)
        several._pool.listed[0].set_serving(True)
        assert await answer(several) == "One."


async def test_one_that_is_not_there_costs_a_moment() -> None:
    async with models(saying("Other."), first=NOWHERE) as several:
        async with asyncio.timeout(2):
            assert await answer(several) == "Other."
        assert await several.answers()


async def test_one_that_hangs_is_raced_by_the_next(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.llm.several._HEDGE_AFTER_S", 0.2)
    one, other = FakeLlm(), saying("Other.")
    one.script = waits
    async with models(one, other) as several:
        assert await answer(several) == "Other."
        await one.slots.until_open(0)
        one.script, other.script = written("One."), waits
        assert await answer(several) == "One."


async def test_one_that_breaks_off_lets_another_write_the_rest() -> None:
    one, other = FakeLlm(), saying("Other.")
    one.script = breaks_off("It was a ")
    async with models(one, other) as several:
        with pytest.raises(LanguageModelFailed) as failed:
            await answer(several)
        assert failed.value.retry_after is not None
        assert await answer(several) == "Other."


async def test_where_all_fail_the_last_error_is_raised() -> None:
    one, other = FakeLlm(), FakeLlm()
    one.status, other.status = 500, 401
    async with models(one, other) as several:
        with pytest.raises(LanguageModelFailed, match="refused the key"):
            await answer(several)
        assert not await several.answers()


async def test_who_leaves_before_the_first_word_leaves_no_request(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.llm.several._HEDGE_AFTER_S", 0.2)
    one, other = FakeLlm(), FakeLlm()
    one.script = other.script = waits
    async with models(one, other) as several:
        asking = asyncio.create_task(answer(several))
        await other.request()
        asking.cancel()
        await asyncio.wait([asking])
        for fake in (one, other):
            await fake.slots.until_open(0)


def test_one_server_is_one_model() -> None:
    assert isinstance(language_model(OrchestratorSettings()), LanguageModel)


def test_each_server_has_its_own_model_and_key() -> None:
    settings = OrchestratorSettings(
        llm_api_key="first", llm_fallback_urls=(NOWHERE, NOWHERE), llm_fallback_models=("a", "b")
    )
    made = language_model(settings)
    assert isinstance(made, LanguageModels)
    others = [server.model for server in made._pool.listed[1:]]
    assert [(model.chosen_name, model._client.api_key) for model in others] == [("a", "none"), ("b", "none")]
    with pytest.raises(BadAddress, match="FALLBACK_API_KEYS has 1 entries"):
        language_model(OrchestratorSettings(llm_fallback_urls=(NOWHERE, NOWHERE), llm_fallback_api_keys=("k",)))
