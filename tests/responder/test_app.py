import asyncio
import json
from typing import Any

import httpx2
import openai
import pytest
from openai.types.chat import ChatCompletionMessageParam

from responder.app import MAX_BODY_BYTES
from responder.wire import MODEL

QUESTION: list[ChatCompletionMessageParam] = [
    {"role": "system", "content": "You are kind."},
    {"role": "user", "content": "what time is it"},
]
ANSWER = "It's twenty five past three in the afternoon."


class TestWithTheOpenAIClient:
    async def test_lists_its_model(self, client: openai.AsyncOpenAI) -> None:
        assert [(model.id, model.object, model.owned_by) async for model in client.models.list()] == [
            (MODEL, "model", "parley")
        ]

    async def test_answers_whole(self, client: openai.AsyncOpenAI) -> None:
        completion = await client.chat.completions.create(model=MODEL, messages=QUESTION, temperature=0.7)
        assert completion.object == "chat.completion"
        assert completion.choices[0].message.content == ANSWER
        assert completion.choices[0].finish_reason == "stop"
        assert completion.usage is not None
        assert completion.usage.total_tokens == completion.usage.prompt_tokens + completion.usage.completion_tokens

    async def test_answers_as_a_stream(self, client: openai.AsyncOpenAI) -> None:
        stream = await client.chat.completions.create(model=MODEL, messages=QUESTION, stream=True)
        chunks = [chunk async for chunk in stream]
        assert chunks[0].choices[0].delta.role == "assistant"
        assert "".join(chunk.choices[0].delta.content or "" for chunk in chunks) == ANSWER
        assert [chunk.choices[0].finish_reason for chunk in chunks] == [None] * (len(chunks) - 1) + ["stop"]
        assert len({chunk.id for chunk in chunks}) == 1
        assert len(chunks) > len(ANSWER.split())

    async def test_tells_the_usage_of_a_stream_when_asked(self, client: openai.AsyncOpenAI) -> None:
        stream = await client.chat.completions.create(
            model=MODEL, messages=QUESTION, stream=True, stream_options={"include_usage": True}
        )
        *chunks, last = [chunk async for chunk in stream]
        assert all(chunk.usage is None for chunk in chunks)
        assert last.choices == []
        assert last.usage is not None
        assert last.usage.completion_tokens == len(chunks) - 2

    async def test_stops_at_the_limit(self, client: openai.AsyncOpenAI) -> None:
        completion = await client.chat.completions.create(model=MODEL, messages=QUESTION, max_completion_tokens=2)
        assert completion.choices[0].message.content == "It'"
        assert completion.choices[0].finish_reason == "length"

    async def test_takes_messages_in_parts(self, client: openai.AsyncOpenAI) -> None:
        completion = await client.chat.completions.create(
            model=MODEL,
            messages=[{"role": "user", "content": [{"type": "text", "text": "what time is it"}]}],
        )
        assert completion.choices[0].message.content == ANSWER

    async def test_another_model_does_not_exist(self, client: openai.AsyncOpenAI) -> None:
        with pytest.raises(openai.NotFoundError, match="does not exist") as caught:
            await client.chat.completions.create(model="gpt", messages=QUESTION)
        assert caught.value.code == "model_not_found"

    async def test_an_empty_conversation_is_refused(self, client: openai.AsyncOpenAI) -> None:
        with pytest.raises(openai.BadRequestError) as caught:
            await client.chat.completions.create(model=MODEL, messages=[])
        assert caught.value.param == "messages"

    async def test_answers_many_at_once(self, client: openai.AsyncOpenAI) -> None:
        async with asyncio.TaskGroup() as group:
            asked = [
                group.create_task(client.chat.completions.create(model=MODEL, messages=QUESTION)) for _ in range(20)
            ]
        assert {task.result().choices[0].message.content for task in asked} == {ANSWER}


async def test_a_stream_on_the_wire(base_url: str) -> None:
    body = {"model": MODEL, "messages": [{"role": "user", "content": "yes"}], "stream": True}
    async with httpx2.AsyncClient() as http:
        response = await http.post(f"{base_url}/v1/chat/completions", json=body)
    assert response.headers["content-type"].startswith("text/event-stream")
    *events, done, rest = response.text.split("\n\n")
    assert (done, rest) == ("data: [DONE]", "")
    first, second, *_, last = [json.loads(event.removeprefix("data: ")) for event in events]
    assert first == {
        "object": "chat.completion.chunk",
        "id": first["id"],
        "created": first["created"],
        "model": MODEL,
        "system_fingerprint": None,
        "choices": [
            {"index": 0, "delta": {"role": "assistant", "content": ""}, "logprobs": None, "finish_reason": None}
        ],
    }
    assert second["choices"][0]["delta"] == {"content": "That"}
    assert last["choices"][0] == {"index": 0, "delta": {}, "logprobs": None, "finish_reason": "stop"}


@pytest.mark.parametrize(
    ("body", "status", "param", "message"),
    [
        (b"not json", 400, None, "not JSON"),
        (b"\xff", 400, None, "not JSON"),
        (b"[]", 400, None, "Expected `object`"),
        (b'{"model": "m"}', 400, None, "messages"),
        (b'{"model": "m", "messages": [{"role": "king"}]}', 400, "messages[0].role", "king"),
        (b'{"model": 1, "messages": []}', 400, "model", "Expected `str`"),
        (b" " * (MAX_BODY_BYTES + 1), 413, None, "longer than"),
    ],
)
async def test_bad_bodies_are_refused_as_openai_does(
    base_url: str, body: bytes, status: int, param: str | None, message: str
) -> None:
    async with httpx2.AsyncClient() as http:
        response = await http.post(f"{base_url}/v1/chat/completions", content=body)
    assert response.status_code == status
    error = response.json()["error"]
    assert (error["type"], error["param"]) == ("invalid_request_error", param)
    assert message in error["message"]


@pytest.mark.parametrize(
    ("method", "path", "status"), [("GET", "/v1/nothing", 404), ("GET", "/v1/chat/completions", 405)]
)
async def test_other_routes_are_refused_as_openai_does(base_url: str, method: str, path: str, status: int) -> None:
    async with httpx2.AsyncClient() as http:
        response = await http.request(method, base_url + path)
    assert response.status_code == status
    body: dict[str, Any] = response.json()
    assert body["error"]["type"] == "invalid_request_error"
    assert path in body["error"]["message"]
