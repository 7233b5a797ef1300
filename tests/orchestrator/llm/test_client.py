"""The client of the language model, against servers of every kind."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from typing import Any

import pytest
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.types import Receive, Scope, Send
from structlog.testing import capture_logs

from orchestrator.conversation.transcript import Message, Role
from orchestrator.llm.client import LanguageModel
from orchestrator.llm.failures import LanguageModelFailed
from orchestrator.settings import OrchestratorSettings
from tests.fakes.llm import FakeLlm, Script, event, serving, written

ASKED = [Message(Role.SYSTEM, "Be."), Message(Role.USER, "Hi!"), Message(Role.ASSISTANT, "Yes?")]
UNREADABLE = "the language model's answer could not be read"


@asynccontextmanager
async def speaking_to(fake: FakeLlm, path: str = "", **settings: Any) -> AsyncIterator[LanguageModel]:
    chosen = {"llm_first_token_s": 5.0, "llm_next_token_s": 5.0, **settings}
    async with serving(fake) as url, LanguageModel(OrchestratorSettings(llm_url=url + path, **chosen)) as model:
        yield model


async def answer(model: LanguageModel) -> list[str]:
    return [word async for word in model.words(ASKED, 0.5)]


@contextmanager
def failing(message: str) -> Iterator[None]:
    with pytest.raises(LanguageModelFailed) as failed:
        yield
    assert failed.value.message == message
    assert failed.value.reason == "LLM_FAILED"


def fails_after(*tokens: str | bytes) -> Script:
    """Write these, then cut the connection."""

    async def script(_request: dict[str, Any]) -> AsyncIterator[str | bytes]:
        for token in tokens:
            yield token
        raise ConnectionResetError

    return script


async def waits(*_: object) -> AsyncIterator[str | bytes]:
    await asyncio.Event().wait()
    yield ""


async def waits_after_a_word(*_: object) -> AsyncIterator[str | bytes]:
    yield "Well, "
    await asyncio.Event().wait()


@pytest.mark.unmute("S10")
@pytest.mark.parametrize("path", ["", "/", "/v1", "/v1/"])
async def test_it_is_asked_in_the_words_of_the_api(path: str) -> None:
    fake = FakeLlm()
    async with speaking_to(fake, path, llm_api_key="k3y") as model:
        assert await answer(model) == ["Well,", " hello", " there."]
    (request,) = fake.requests
    assert request["messages"] == [
        {"role": "system", "content": "Be."},
        {"role": "user", "content": "Hi!"},
        {"role": "assistant", "content": "Yes?"},
    ]
    assert (request["model"], request["temperature"], request["stream"]) == ("fake/small-talk", 0.5, True)
    assert fake.keys == ["Bearer k3y"]


async def test_a_proxy_is_not_for_neighbours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:9")
    async with speaking_to(FakeLlm()) as model:
        assert await answer(model) == ["Well,", " hello", " there."]


@pytest.mark.unmute("S10")
async def test_the_configured_model_is_asked() -> None:
    fake = FakeLlm()
    fake.models = ["one", "other"]
    async with speaking_to(fake, llm_model="other") as model:
        assert model.known_name == "other"
        await answer(model)
    assert fake.requests[0]["model"] == "other"


@pytest.mark.unmute("S10")
async def test_the_only_model_is_found_and_asked_for_once() -> None:
    fake = FakeLlm()
    async with speaking_to(fake) as model:
        assert model.known_name == "of unknown name"
        await answer(model)
        assert model.known_name == "fake/small-talk"
        fake.models = []
        await answer(model)


@pytest.mark.unmute("S10")
@pytest.mark.parametrize(
    ("models", "listed"),
    [
        ([], "0 language models"),
        (["one", "other"], "2 language models (one, other)"),
        (list("abcdefg"), "7 language models (a, b, c, d, e, …)"),
    ],
    ids=["none", "two", "many"],
)
async def test_a_choice_of_models_must_be_made_by_people(models: list[str], listed: str) -> None:
    fake = FakeLlm()
    fake.models = models
    async with speaking_to(fake) as model:
        message = f"the server lists {listed}: name one of them in KYUTAI_LLM_MODEL"
        with capture_logs() as logged:
            with failing(message):
                await answer(model)
            assert not await model.answers()
            assert not await model.answers()
        assert [line["problem"] for line in logged] == [message]
        fake.models = ["one"]
        async with asyncio.timeout(5):
            while not await model.answers():  # noqa: ASYNC110 - it is asked, and tells nobody
                await asyncio.sleep(0.1)


@pytest.mark.unmute("S10")
@pytest.mark.parametrize(
    ("token", "words"),
    [
        (b": a comment\n\n", ["a", " b"]),
        (b'data: {"choices": []}\n\n', ["a", " b"]),
        (b'data: {"choices": null, "usage": {}}\n\n', ["a", " b"]),
        (b'data: {"choices": [{"delta": {"role": "assistant", "content": null}}]}\n\n', ["a", " b"]),
        (b'data: {"choices": [{"delta": {}, "finish_reason": "stop"}]}\n\n', ["a", " b"]),
        (b'data: {"choices": [{"delta": {"content": ""}}]}\n\n', ["a", " b"]),
        (b'data: {"choices": [{"delta": {"reasoning_content": "hm"}}]}\n\n', ["a", " b"]),
        (b'data: {"choices": [{"delta": {"content": [{"type": "text", "text": "b "}]}}]}\n\n', ["a", " b", " b"]),
    ],
)
async def test_what_servers_also_send_is_passed_over(token: bytes, words: list[str]) -> None:
    fake = FakeLlm()
    fake.script = written("a ", token, "b")
    async with speaking_to(fake) as model:
        assert await answer(model) == words


@pytest.mark.parametrize(
    "token",
    [
        b"data: {nope\n\n",
        b'data: {"choices": [{"delta": {"content": 5}}]}\n\n',
        b'data: {"choices": "abc"}\n\n',
        b"data: [1, 2]\n\n",
        b"data: " + b"[" * 100_000 + b"\n\n",
        b'data: "abc"\n\n',
        b'data: {"choices": [{"delta": {"content": "\xff"}}]}\n\n',
        b'data: {"choices": [{"delta": {"content": [5]}}]}\n\n',
    ],
)
async def test_what_no_server_should_send_fails_and_is_not_repeated(token: bytes) -> None:
    fake = FakeLlm()
    fake.script = written("a ", token, "b")
    async with speaking_to(fake) as model:
        with failing(UNREADABLE):
            await answer(model)
        await fake.slots.until_open(0)


@pytest.mark.parametrize("error", [b'{"message": "private"}', b'"private"'])
async def test_an_error_within_the_answer_fails(error: bytes) -> None:
    fake = FakeLlm()
    fake.script = written("a ", b'data: {"error": ' + error + b"}\n\n")
    async with speaking_to(fake) as model:
        with failing("the language model broke off with an error"):
            await answer(model)
        await fake.slots.until_open(0)


@pytest.mark.parametrize(
    ("status", "message"),
    [
        (400, "the language model answered with HTTP 400"),
        (403, "the language model answered with HTTP 403"),
        (429, "the language model has too much to do"),
        (401, "the language model refused the key"),
        (404, "the language model server does not know this model"),
        (500, "the language model answered with HTTP 500"),
    ],
)
async def test_a_refusal_is_told_without_what_it_says(status: int, message: str) -> None:
    fake = FakeLlm()
    fake.status = status
    async with speaking_to(fake, llm_model="m") as model:
        with failing(message):
            await answer(model)


async def test_a_server_that_is_not_there() -> None:
    async with speaking_to(FakeLlm()) as model:
        await answer(model)
        url = str(model._client.base_url).removesuffix("/v1/")
    async with LanguageModel(OrchestratorSettings(llm_url=url)) as model:
        with failing("the language model cannot be reached"):
            await answer(model)
        assert not await model.answers()


@pytest.mark.parametrize("noticed", [False, True], ids=["unnoticed", "noticed"])
async def test_a_server_that_restarts_is_waited_for(*, noticed: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("orchestrator.llm.health.CONNECT_EVERY_S", 0.0)
    fake = FakeLlm()
    async with AsyncExitStack() as server:
        url = await server.enter_async_context(serving(fake))
        async with LanguageModel(OrchestratorSettings(llm_url=url)) as model:
            await answer(model)
            await server.aclose()
            if noticed:
                assert not await model.answers()
            asking = asyncio.create_task(answer(model))
            await asyncio.sleep(0.6)
            async with serving(fake, int(url.rpartition(":")[2])):
                assert await asking == ["Well,", " hello", " there."]


@pytest.mark.parametrize("tokens", [(), ("a ", "b ")], ids=["before a word", "after words"])
async def test_a_connection_that_is_cut(tokens: tuple[str, ...]) -> None:
    fake = FakeLlm()
    fake.script = fails_after(*tokens)
    async with speaking_to(fake) as model:
        words = []
        with failing("the language model broke off"):
            async for word in model.words(ASKED, 0.5):
                words.append(word)  # noqa: PERF401 - a comprehension would lose what came before the failure
        assert "".join(words) == "".join(tokens).strip()


# --- asking once more ---------------------------------------------------------------------------------------------


def refuses(status: int, **headers: str) -> Response:
    return JSONResponse({"error": {"message": "private"}}, status, headers)


@pytest.mark.unmute("S10")
@pytest.mark.parametrize(
    "first",
    [
        fails_after(),
        written(b"data: {nope\n\n"),
        written(b"no event at all\n\n", None),
        written(b'data: {"error": {"message": "private", "code": 502}}\n\n'),
        written(None),
        written(b'data: {"choices": [{"delta": {"role": "assistant", "content": ""}}]}\n\n', None),
        refuses(408),
        refuses(429),
        refuses(429, **{"retry-after": "0"}),
        refuses(500),
        refuses(503, **{"retry-after": "0.2"}),
    ],
)
async def test_what_fails_before_the_first_word_is_asked_once_more(first: Script | Response) -> None:
    fake = FakeLlm()
    fake.first = [first]
    async with speaking_to(fake, llm_model="m") as model:
        assert await answer(model) == ["Well,", " hello", " there."]
        assert len(fake.requests) == 2
        fake.first = [first, first]
        with pytest.raises(LanguageModelFailed):
            await answer(model)
        assert len(fake.requests) == 4
        await fake.slots.until_open(0)


@pytest.mark.parametrize(
    "first",
    [
        refuses(401),
        refuses(403),
        refuses(404),
        refuses(429, **{"retry-after": "20"}),
        refuses(503, **{"retry-after": "Wed, 21 Oct 2015 07:28:00 GMT"}),
        fails_after("a "),
        written("a ", b"data: {nope\n\n"),
        written("", b'data: {"choices": [{"delta": {}, "finish_reason": "content_filter"}]}\n\n', None),
    ],
)
async def test_what_would_fail_again_or_has_begun_is_not_asked_again(first: Script | Response) -> None:
    fake = FakeLlm()
    fake.first = [first]
    async with speaking_to(fake, llm_model="m") as model:
        with pytest.raises(LanguageModelFailed):
            await answer(model)
        assert len(fake.requests) == 1


async def test_both_tries_have_one_limit() -> None:
    fake = FakeLlm()
    fake.first = [refuses(503, **{"retry-after": "1"})]
    async with speaking_to(fake, llm_model="m", llm_first_token_s=0.5) as model:
        began = time.monotonic()
        with failing("the language model answered with HTTP 503"):
            await answer(model)
        assert time.monotonic() - began < 0.5
    fake.first, fake.script = [fails_after()], waits
    async with speaking_to(fake, llm_model="m", llm_first_token_s=0.5) as model:
        with failing("the language model took too long"):
            await answer(model)
        assert time.monotonic() - began < 3


@pytest.mark.parametrize(
    ("finish_reason", "message"),
    [
        ("length", "the language model reached its limit of tokens"),
        ("content_filter", "the language model's server withheld its answer"),
    ],
)
@pytest.mark.parametrize("tokens", [(), ("a ", "b")], ids=["before a word", "after words"])
async def test_an_answer_that_was_cut_short_is_told(finish_reason: str, message: str, tokens: tuple[str, ...]) -> None:
    fake = FakeLlm()
    ending = json.dumps({"choices": [{"delta": {}, "finish_reason": finish_reason}]})
    fake.script = written(*tokens, f"data: {ending}\n\n".encode(), None)
    async with speaking_to(fake) as model:
        words = []
        with failing(message):
            async for word in model.words(ASKED, 0.5):
                words.append(word)  # noqa: PERF401 - a comprehension would lose what came before the failure
        assert "".join(words) == "".join(tokens)


async def test_a_model_may_choose_to_say_nothing() -> None:
    fake = FakeLlm()
    fake.script = written()
    async with speaking_to(fake) as model:
        assert await answer(model) == []
    assert len(fake.requests) == 1


@pytest.mark.parametrize(
    ("script", "limits"),
    [
        (waits, {"llm_first_token_s": 0.2}),
        (waits_after_a_word, {"llm_next_token_s": 0.2}),
    ],
    ids=["to begin", "to go on"],
)
async def test_a_server_that_takes_too_long(script: Script, limits: dict[str, Any]) -> None:
    fake = FakeLlm()
    fake.script = script
    async with speaking_to(fake, **limits) as model:
        began = time.monotonic()
        with failing("the language model took too long"):
            await answer(model)
        assert 0.2 <= time.monotonic() - began < 2
        await fake.slots.until_open(0)


async def test_who_takes_the_words_may_take_all_the_time_they_need() -> None:
    fake = FakeLlm()
    fake.script = written("a ", "b ", "c ")
    async with speaking_to(fake, llm_next_token_s=0.05) as model:
        words = []
        async for word in model.words(ASKED, 0.5):
            words.append(word)
            await asyncio.sleep(0.1)  # longer than the server may take
    assert words == ["a", " b", " c"]


async def test_closing_the_words_ends_the_request() -> None:
    fake = FakeLlm()
    fake.script = waits_after_a_word
    async with speaking_to(fake) as model:
        words = model.words(ASKED, 0.5)
        fake.script = written("a ", "b ")
        assert await anext(words) == "a"
        await words.aclose()
        await fake.slots.until_open(0, within=0.1)


async def test_cancelling_whoever_waits_for_words_ends_the_request() -> None:
    fake = FakeLlm()
    fake.script = waits_after_a_word
    async with speaking_to(fake) as model:
        waiting = asyncio.create_task(answer(model))
        await fake.slots.until_open(1)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        await fake.slots.until_open(0, within=0.1)


@pytest.mark.parametrize(
    "models",
    [
        PlainTextResponse("<html>", media_type="text/html"),
        PlainTextResponse("{", media_type="application/json"),
        JSONResponse([1]),
        JSONResponse({"data": ["a"]}),
        JSONResponse({"error": "private"}, 500),
    ],
    ids=["a page", "no JSON", "a list", "no models", "an error"],
)
async def test_a_server_of_another_kind_does_not_answer(models: Response) -> None:
    fake = FakeLlm()
    fake.models_answer = models
    async with speaking_to(fake) as model:
        assert not await model.answers()
        with pytest.raises(LanguageModelFailed):
            await model.name()


class Late(JSONResponse):
    """An answer that comes only when it is let."""

    def __init__(self) -> None:
        super().__init__({"object": "list", "data": [{"id": "late", "object": "model"}]})
        self.asked, self.may_come = asyncio.Event(), asyncio.Event()

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.asked.set()
        await self.may_come.wait()
        await super().__call__(scope, receive, send)


@pytest.mark.unmute("B19")
async def test_a_list_of_models_that_does_not_come_keeps_nobody_else_waiting() -> None:
    fake, other = FakeLlm(), FakeLlm()
    fake.models_answer = late = Late()
    async with speaking_to(fake, llm_first_token_s=0.3) as model, speaking_to(other) as another:
        waiting = asyncio.create_task(answer(model))
        await late.asked.wait()
        assert await answer(another) == ["Well,", " hello", " there."]
        assert not waiting.done()
        with failing("the language model took too long"):
            await waiting
        late.may_come.set()


async def test_a_server_that_answers() -> None:
    async with speaking_to(FakeLlm()) as model:
        assert await model.answers()
        assert model.known_name == "fake/small-talk"
    assert event("a").endswith(b"\n\n")
