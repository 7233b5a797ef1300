import asyncio

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionUserMessageParam

from standins.llm.engine import REPLY, LlmEngine
from standins.llm.options import LlmOptions

QUICK = LlmOptions(first_token_s=0, tokens_per_s=10_000)
HELLO: list[ChatCompletionUserMessageParam] = [{"role": "user", "content": "Hello"}]


def client(llm: LlmEngine, key: str = "any") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(base_url=f"{llm.url}/v1", api_key=key, max_retries=0)


async def answer(llm: LlmEngine, model: str = "parley-standin") -> str:
    async with client(llm) as openai_client:
        stream = await openai_client.chat.completions.create(model=model, messages=HELLO, stream=True)
        return "".join([chunk.choices[0].delta.content or "" async for chunk in stream])


async def test_it_writes_its_reply() -> None:
    async with LlmEngine(QUICK).serving() as llm:
        assert await answer(llm) == REPLY
        writing = await llm.request()
        assert (writing.complete, writing.request["messages"]) == (True, HELLO)
        await llm.slots.until_free()


async def test_it_writes_scripted_replies_in_turn() -> None:
    async with LlmEngine(LlmOptions(first_token_s=0, replies=("One.", "And two."))).serving() as llm:
        assert [await answer(llm) for _ in range(3)] == ["One.", "And two.", "One."]


async def test_it_takes_its_time() -> None:
    async with LlmEngine(LlmOptions(replies=("a b c d e f g h i",))).serving() as llm:
        begun = asyncio.get_running_loop().time()
        await answer(llm)
        assert asyncio.get_running_loop().time() - begun >= 0.1 + 8 / 80


async def test_it_answers_whole_too() -> None:
    async with LlmEngine(QUICK).serving() as llm, client(llm) as openai_client:
        completion = await openai_client.chat.completions.create(model="parley-standin", messages=HELLO)
        assert completion.choices[0].message.content == REPLY


@pytest.mark.parametrize("models", [(), ("one",), ("one", "two")])
async def test_it_lists_its_models(models: tuple[str, ...]) -> None:
    async with LlmEngine(LlmOptions(models=models)).serving() as llm, client(llm) as openai_client:
        assert tuple([model.id async for model in openai_client.models.list()]) == models
        with pytest.raises(openai.NotFoundError):
            await answer(llm, "three")


async def test_it_may_ask_for_a_key() -> None:
    async with LlmEngine(LlmOptions(keys=("secret",))).serving() as llm:
        async with client(llm) as openai_client:
            with pytest.raises(openai.AuthenticationError):
                await openai_client.models.list()
        async with client(llm, "secret") as openai_client:
            assert (await openai_client.models.list()).data


async def test_it_reasons_in_a_field() -> None:
    options = LlmOptions(first_token_s=0, tokens_per_s=10_000, reasoning="field")
    async with LlmEngine(options).serving() as llm, client(llm) as openai_client:
        stream = await openai_client.chat.completions.create(model="parley-standin", messages=HELLO, stream=True)
        deltas = [chunk.choices[0].delta async for chunk in stream]
    assert "".join(getattr(delta, "reasoning_content", "") for delta in deltas).startswith("The user")
    assert "".join(delta.content or "" for delta in deltas) == REPLY


async def test_it_reasons_between_tags() -> None:
    options = LlmOptions(first_token_s=0, tokens_per_s=10_000, reasoning="tags")
    async with LlmEngine(options).serving() as llm:
        assert (await answer(llm)).startswith("<think>The user")


async def test_it_reasons_in_parts_of_the_content() -> None:
    options = LlmOptions(first_token_s=0, tokens_per_s=10_000, reasoning="parts")
    async with LlmEngine(options).serving() as llm, client(llm) as openai_client:
        stream = await openai_client.chat.completions.create(model="parley-standin", messages=HELLO, stream=True)
        contents: list[object] = [chunk.choices[0].delta.content async for chunk in stream]
    kinds = {part["type"] for content in contents if isinstance(content, list) for part in content}
    assert kinds == {"thinking", "text"}


@pytest.mark.parametrize(
    ("reasoning", "begins", "ends"),
    [
        ("unopened", "The user", REPLY),
        ("unclosed", "<think>\nThe user", "shall give one."),
        ("channels", "<|channel|>analysis<|message|>The user", f"<|channel|>final<|message|>{REPLY}<|return|>"),
    ],
)
async def test_it_reasons_in_its_text(reasoning: str, begins: str, ends: str) -> None:
    async with LlmEngine(QUICK).serving() as llm:
        llm.change(reasoning=reasoning)
        text = await answer(llm)
        assert text.startswith(begins)
        assert text.endswith(ends)


async def test_it_thinks_for_as_long_as_it_is_told_to() -> None:
    options = LlmOptions(first_token_s=0, tokens_per_s=100, reasoning="unclosed", thought_s=0.5)
    async with LlmEngine(options).serving() as llm:
        begun = asyncio.get_running_loop().time()
        await answer(llm)
        assert 0.4 < asyncio.get_running_loop().time() - begun < 2


@pytest.mark.parametrize(
    "wish", [{"reasoning_effort": "none"}, {"chat_template_kwargs": {"enable_thinking": False}}], ids=str
)
async def test_it_may_obey_who_wants_no_thoughts(wish: dict[str, object]) -> None:
    async with LlmEngine(LlmOptions(first_token_s=0, reasoning="tags", obeys=True)).serving() as llm:
        async with client(llm) as openai_client:
            stream = await openai_client.chat.completions.create(
                model="parley-standin", messages=HELLO, stream=True, extra_body=wish
            )
            assert "".join([chunk.choices[0].delta.content or "" async for chunk in stream]) == REPLY
        assert (await answer(llm)).startswith("<think>")


async def test_it_may_refuse_parameters() -> None:
    async with LlmEngine(LlmOptions(refuses=("top_k", "stream"))).serving() as llm:
        with pytest.raises(openai.BadRequestError, match="Unrecognized request arguments supplied: stream"):
            await answer(llm)


async def test_it_may_say_how_it_ended() -> None:
    options = LlmOptions(first_token_s=0, finish_reason="length")
    async with LlmEngine(options).serving() as llm, client(llm) as openai_client:
        stream = await openai_client.chat.completions.create(model="parley-standin", messages=HELLO, stream=True)
        assert [chunk.choices[0].finish_reason async for chunk in stream][-1] == "length"


async def test_it_may_say_when_to_come_back() -> None:
    async with LlmEngine(LlmOptions(retry_after_s=7)).serving() as llm:
        llm.break_down("full")
        with pytest.raises(openai.RateLimitError) as failed:
            await answer(llm)
        assert failed.value.response.headers["retry-after"] == "7"


async def test_an_error_within_the_stream() -> None:
    async with LlmEngine(QUICK).serving() as llm:
        llm.break_down("error:after=3,message=overloaded")
        with pytest.raises(openai.APIError, match="overloaded"):
            await answer(llm)
        assert not (await llm.request()).complete
        await llm.slots.until_free()


@pytest.mark.parametrize("status", [401, 404, 429, 500, 503])
async def test_http(status: int) -> None:
    async with LlmEngine(QUICK).serving() as llm:
        llm.break_down(f"http:status={status}")
        with pytest.raises(openai.APIStatusError) as failed:
            await answer(llm)
        assert failed.value.status_code == status


async def test_full() -> None:
    async with LlmEngine(LlmOptions(slots=0)).serving() as llm:
        with pytest.raises(openai.RateLimitError):
            await answer(llm)
        assert llm.slots.refused == 1


@pytest.mark.parametrize("how", ["eof", "reset"])
async def test_close(how: str) -> None:
    async with LlmEngine(QUICK).serving() as llm:
        llm.break_down(f"close:after=3,how={how}")
        with pytest.raises((openai.APIError, httpx2.TransportError)):
            await answer(llm)
        assert not (await llm.request()).complete
        await llm.slots.until_free()


async def test_garbage() -> None:
    async with LlmEngine(QUICK).serving() as llm:
        llm.break_down("garbage:after=2")
        with pytest.raises(ValueError, match="Expecting"):
            await answer(llm)
        await llm.slots.until_free()


@pytest.mark.parametrize("fault", ["silent", "stall:after=2", "slow:first=60"])
async def test_a_client_that_gives_up_frees_its_slot(fault: str) -> None:
    async with LlmEngine(QUICK).serving() as llm:
        llm.break_down(fault)
        asking = asyncio.create_task(answer(llm))
        await llm.request()
        assert llm.slots.used == 1
        asking.cancel()
        await asyncio.wait([asking])
        await llm.slots.until_free()


@pytest.mark.parametrize("body", [b"", b"[]", b"{}", b'{"messages": []}', b'{"messages": {}}', b"\xff"])
async def test_what_is_no_request_is_refused(body: bytes) -> None:
    async with LlmEngine().serving() as llm, httpx2.AsyncClient(base_url=llm.url) as http:
        assert (await http.post("/v1/chat/completions", content=body)).status_code == 400
