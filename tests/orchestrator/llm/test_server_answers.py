"""The client against every row of the table of how servers answer, over real HTTP."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import pytest
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.types import Receive, Scope, Send

from orchestrator.conversation.transcript import Message, Role
from orchestrator.llm.client import LanguageModel
from orchestrator.llm.failures import LanguageModelFailed
from orchestrator.settings import OrchestratorSettings
from standins.llm.answers import (
    ENDINGS,
    ERRORS,
    NO_SYSTEM_ROLE,
    SHAPES,
    TOO_LONG,
    TURN_MARKS,
    Answer,
    chunk,
)
from tests.fakes.llm import FakeLlm, Script, serving, written

ASKED = [Message(Role.SYSTEM, "Be kind."), Message(Role.USER, "When is noon?")]


class Raw(Response):
    """Bytes as they are, of any type of content; the response may stay open."""

    def __init__(self, answer: Answer) -> None:
        super().__init__()
        self._answer = answer
        self.left = asyncio.Event()

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", self._answer.content_type.encode())]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        for part in self._answer.body:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        if self._answer.stays_open:
            while (await receive())["type"] != "http.disconnect":
                pass
            self.left.set()
            return
        await send({"type": "http.response.body", "body": b""})


async def ask(fake: FakeLlm, messages: list[Message] = ASKED, **settings: Any) -> tuple[str, str | None]:
    async with (
        serving(fake) as url,
        LanguageModel(OrchestratorSettings(llm_url=url, llm_model="m", **settings)) as model,
    ):
        return await said(model, messages)


async def said(model: LanguageModel, messages: list[Message] = ASKED) -> tuple[str, str | None]:
    words: list[str] = []
    try:
        async for word in model.words(messages, 0.5):
            words.append(word)  # noqa: PERF401 - a comprehension would lose what came before the failure
    except LanguageModelFailed as error:
        return "".join(words), error.message
    return "".join(words), None


@pytest.mark.parametrize("answer", [*SHAPES, *ENDINGS, *ERRORS], ids=lambda answer: answer.source)
async def test_an_answer_is_said_once_and_its_end_is_told(answer: Answer) -> None:
    fake = FakeLlm()
    raw = Raw(answer)
    fake.first = [raw, raw]
    assert await ask(fake) == (answer.said, answer.problem)
    assert len(fake.requests) == 1
    if answer.stays_open:
        await asyncio.wait_for(raw.left.wait(), 5)


@pytest.mark.parametrize("error", ERRORS, ids=lambda answer: answer.source)
async def test_an_error_in_place_of_an_answer_is_asked_again(error: Answer) -> None:
    fake = FakeLlm()
    fake.first = [Raw(error._replace(body=error.body[1:]))]
    assert await ask(fake) == ("Well, hello there.", None)


def goes_on(*tokens: str) -> Script:
    """Write these, then go on for ever."""

    async def script(_request: dict[str, Any]) -> AsyncIterator[str | bytes]:
        for token in tokens:
            yield token
        await asyncio.Event().wait()

    return script


@pytest.mark.parametrize("mark", TURN_MARKS)
async def test_a_model_that_plays_the_person_is_cut_and_its_request_closed(mark: str) -> None:
    """Whole or in pieces, the mark ends the answer."""
    for pieces in ((f"It is noon.{mark} And tomorrow? ",), ("It is ", "noon.", mark[:2], mark[2:], "\nAnd tomorrow? ")):
        fake = FakeLlm()
        fake.script = goes_on(*pieces)
        assert await ask(fake) == ("It is noon.", None)
        await fake.slots.until_open(0)


@pytest.mark.parametrize(
    "opening",
    [
        "[/INST] ",
        "<|im_start|>assistant\n",
        "<|start_header_id|>assistant<|end_header_id|>\n\n",
        "<start_of_turn>model\n",
    ],
)
async def test_a_mark_before_the_answer_is_dropped(opening: str) -> None:
    fake = FakeLlm()
    fake.script = written(opening, "It is noon.")
    assert await ask(fake) == ("It is noon.", None)


class SmallContext(FakeLlm):
    """Refuses more than so many words, in the words of one server."""

    def __init__(self, status: int, text: str, limit: int = 120) -> None:
        super().__init__()
        self._refusal, self._limit = (status, text), limit
        self.refused = 0

    async def _complete(self, request: Request) -> Response:
        sent = (await request.json())["messages"]
        words = sum(len(each["content"].split()) for each in sent)
        if words <= self._limit:
            return await super()._complete(request)
        self.refused += 1
        status, text = self._refusal
        message = text.format(limit=self._limit, size=words)
        return JSONResponse({"error": {"message": message, "type": "invalid_request_error"}}, status)


def talk(turns: int) -> list[Message]:
    spoken = [
        Message((Role.USER, Role.ASSISTANT)[n % 2], f"turn {n} of ten words and a few more now") for n in range(turns)
    ]
    return [ASKED[0], *spoken]


@pytest.mark.parametrize(("source", "status", "text"), TOO_LONG, ids=[each[0] for each in TOO_LONG])
async def test_a_conversation_longer_than_the_context_goes_on(source: str, status: int, text: str) -> None:
    fake = SmallContext(status, text)
    async with (
        serving(fake) as url,
        LanguageModel(OrchestratorSettings(llm_url=url, llm_model="m")) as model,
    ):
        for turns in range(21, 41, 2):
            assert await said(model, talk(turns)) == ("Well, hello there.", None), source
            sent = await fake.messages(-1)
            assert sent[0] == ("system", "Be kind.")
            assert sent[1][0] == "user"
            assert sent[-1][1].startswith(f"turn {turns - 1} ")
        assert 0 < fake.refused <= 4
        assert "reasoning_effort" in fake.requests[-1]


async def test_a_prompt_that_does_not_fit_by_itself_is_told() -> None:
    fake = SmallContext(400, "maximum context length", limit=3)
    assert await ask(fake, talk(9)) == ("", "what the language model should read is too long for it")


async def test_what_is_sent_of_a_very_long_conversation_is_bounded() -> None:
    fake = FakeLlm()
    await ask(fake, talk(20_001))
    sent = await fake.messages()
    assert sum(len(text) for _, text in sent) <= 100_000
    assert len(sent) > 1_000


class NoSystemRole(FakeLlm):
    """Its template knows no system role."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__()
        self._status, self._text = status, text
        self.refused = 0

    async def _complete(self, request: Request) -> Response:
        if any(each["role"] == "system" for each in (await request.json())["messages"]):
            self.refused += 1
            return JSONResponse({"error": {"message": self._text}}, self._status)
        return await super()._complete(request)


@pytest.mark.parametrize(("source", "status", "text"), NO_SYSTEM_ROLE, ids=[each[0] for each in NO_SYSTEM_ROLE])
async def test_without_a_system_role_the_prompt_begins_the_first_turn(source: str, status: int, text: str) -> None:
    fake = NoSystemRole(status, text)
    async with (
        serving(fake) as url,
        LanguageModel(OrchestratorSettings(llm_url=url, llm_model="m")) as model,
    ):
        for _ in range(2):
            assert await said(model) == ("Well, hello there.", None), source
            assert await fake.messages(-1) == [("user", "Be kind.\n\nWhen is noon?")]
    assert fake.refused == 1
    assert "temperature" in fake.requests[-1]
    assert chunk("a").startswith(b"data: ")
