"""The stand-in for an OpenAI-compatible language model: `/v1/models` and `/v1/chat/completions`."""

import asyncio
import re
from collections import deque
from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from itertools import count
from typing import Any

import msgspec
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from standins.asgi import end, read, while_there
from standins.engine import Engine
from standins.faults import Answers, Close, ErrorMessage, Fault, Full, Garbage, Http, Silent, Slow, Stall
from standins.llm.answers import NAMED, REFUSALS, ROLE_REFUSALS, Answer, Refusal
from standins.llm.options import LlmOptions

REPLY = (
    "That is a good question. I would say that it depends on the day, on the weather, and on who is asking. "
    "What do you think about it?"
)
"""The answer when none is scripted."""

_THOUGHT = "The user wants an answer, so I shall give one."
_TOKEN = re.compile(r"\s*\S{1,6}")
_REMEMBERED = 200
_BODY_LIMIT_BYTES = 4 << 20
_BROKEN = (b"data: {\n\n", b'data: {"choices": 7}\n\n', b"data: \xff\xfe\n\n", b"data: []\n\n", b"no event\n\n")


@dataclass(slots=True)
class Writing:
    """One answer: what was asked, and how it went."""

    request: dict[str, Any]
    authorization: str | None
    tokens: int = 0
    """Written so far."""
    complete: bool = False
    over: bool = False


class LlmEngine(Engine[LlmOptions]):
    """Writes what it was told to, at an even pace."""

    kind = "llm"
    fault_kinds = (Full, Http, Slow, Stall, Silent, Garbage, Close, ErrorMessage, Answers)

    def __init__(self, options: LlmOptions | None = None) -> None:
        super().__init__(options or LlmOptions())
        self.requests: deque[Writing] = deque(maxlen=_REMEMBERED)
        """Those that were answered, or are being, the latest last."""
        self.refusals = 0
        """Requests that were refused for a parameter."""
        self._asked = count()

    async def request(self, number: int = 0, within: float = 5.0) -> Writing:
        """Return the so-manieth request, once there is one."""
        await self.until(lambda: len(self.requests) > number, within)
        return self.requests[number]

    def _routes(self) -> Sequence[Route]:
        return (
            Route("/v1/models", self._models),
            Route("/v1/chat/completions", self._complete, methods=["POST"]),
        )

    async def _models(self, request: Request) -> Response:
        if not self._may_ask(request):
            return _refused(HTTPStatus.UNAUTHORIZED)
        if self.options.models_status != HTTPStatus.OK:
            return _refused(self.options.models_status)
        models = [{"id": name, "object": "model", "created": 0, "owned_by": "parley"} for name in self.options.models]
        return JSONResponse({"object": "list", "data": models})

    async def _complete(self, request: Request) -> Response:
        if not self._may_ask(request):
            return _refused(HTTPStatus.UNAUTHORIZED)
        body = await read(request, _BODY_LIMIT_BYTES)
        if body is None:
            return _refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        try:
            asked = msgspec.json.decode(body)
        except msgspec.DecodeError:
            asked = None
        if not isinstance(asked, dict) or not isinstance(asked.get("messages"), list) or not asked["messages"]:
            return _refused(HTTPStatus.BAD_REQUEST)
        if asked.get("model") not in self.options.models:
            return _refused(HTTPStatus.NOT_FOUND)
        if unknown := [name for name in self.options.refuses if name in asked]:
            self.refusals += 1
            return _refused(HTTPStatus.BAD_REQUEST, f"Unrecognized request arguments supplied: {', '.join(unknown)}")
        if (refusal := self._refuses_conversation(asked["messages"])) is not None:
            self.refusals += 1
            return refusal
        fault = self.faults.draw()
        if isinstance(fault, Http):
            return _refused(fault.status, retry_after_s=self.options.retry_after_s)
        if isinstance(fault, Full):
            self.slots.refuse()
            return _refused(HTTPStatus.TOO_MANY_REQUESTS, retry_after_s=self.options.retry_after_s)
        writing = Writing(asked, request.headers.get("authorization"))
        return _Answer(self, writing, fault)

    def _may_ask(self, request: Request) -> bool:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return not self.options.keys or given in self.options.keys

    def _refuses_conversation(self, messages: list[Any]) -> Response | None:
        spoken = [each for each in messages if isinstance(each, dict)]
        if self.options.system_role != "known" and any(each.get("role") == "system" for each in spoken):
            return _refused_like(ROLE_REFUSALS[self.options.system_role])
        size = sum(len(str(each.get("content")).split()) for each in spoken)
        limit = self.options.context_words
        if limit and size > limit:
            return _refused_like(REFUSALS[self.options.context_refusal], limit=limit, size=size)
        return None

    def state(self) -> dict[str, Any]:
        """Also the names of the answers that it can play."""
        return {**super().state(), "answers": list(NAMED)}

    def next_reply(self) -> str:
        """The answer to write now."""
        replies = self.options.replies or (REPLY,)
        return replies[next(self._asked) % len(replies)]


class _Answer(Response):
    """An answer, streamed or whole. It ends the moment the client leaves."""

    def __init__(self, llm: LlmEngine, writing: Writing, fault: Fault | None) -> None:
        super().__init__()
        self._llm = llm
        self._options = llm.options
        self._writing = writing
        self._fault = fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        give_back = self._llm.slots.take()
        if give_back is None:
            await _refused(HTTPStatus.TOO_MANY_REQUESTS)(scope, receive, send)
            return
        self._llm.requests.append(self._writing)
        self._llm.changed()
        try:
            async with while_there(receive):
                if isinstance(self._fault, Answers):
                    await self._play(NAMED[self._fault.like], self._fault.skip, send)
                elif self._writing.request.get("stream"):
                    await self._stream(scope, send)
                else:
                    await self._whole(scope, receive, send)
        finally:
            self._writing.over = True
            give_back()
            self._llm.changed()

    async def _stream(self, scope: Scope, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream; charset=utf-8")]
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})

        async def event(body: bytes, *, more: bool = True) -> None:
            await send({"type": "http.response.body", "body": body, "more_body": more})

        await event(self._chunk({"role": "assistant", "content": ""}))
        async for delta in self._deltas():
            if await self._broken(scope, event):
                return
            await event(self._chunk(delta))
            self._writing.tokens += 1
        if await self._broken(scope, event):
            return
        await event(self._chunk({}, self._options.finish_reason))
        self._writing.complete = True
        await event(b"data: [DONE]\n\n", more=False)

    async def _play(self, answer: Answer, skip: int, send: Send) -> None:
        """Send what another server would, byte for byte."""
        headers = [(b"content-type", answer.content_type.encode())]
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
        for part in answer.body[skip:]:
            await send({"type": "http.response.body", "body": part, "more_body": True})
        while answer.repeated:
            for part in answer.repeated:
                await asyncio.sleep(1 / self._options.tokens_per_s)
                await send({"type": "http.response.body", "body": part, "more_body": True})
        if answer.stays_open:
            await _stand_still(0)
        self._writing.complete = True
        await send({"type": "http.response.body", "body": b""})

    async def _whole(self, scope: Scope, receive: Receive, send: Send) -> None:
        deltas = [delta async for delta in self._deltas()]
        text = "".join(delta["content"] for delta in deltas if isinstance(delta.get("content"), str))
        message = {"role": "assistant", "content": text}
        choice = {"index": 0, "message": message, "finish_reason": self._options.finish_reason}
        self._writing.tokens, self._writing.complete = len(deltas), True
        await JSONResponse({**self._envelope("chat.completion"), "choices": [choice]})(scope, receive, send)

    async def _broken(self, scope: Scope, event: Any) -> bool:
        """Do the fault if this is its moment; say whether the answer is over."""
        match self._fault:
            case Stall(after=after, seconds=seconds) if after == self._writing.tokens:
                await _stand_still(seconds)
            case Garbage(after=after, count=times) if after == self._writing.tokens:
                for number in range(times):
                    await event(_BROKEN[number % len(_BROKEN)])
            case ErrorMessage(after=after, message=message) if after == self._writing.tokens:
                await event(b"data: " + msgspec.json.encode({"error": {"message": message, "code": 502}}) + b"\n\n")
                await event(b"data: [DONE]\n\n", more=False)
                return True
            case Close(after=after, how=how) if after == self._writing.tokens:
                end(scope, how)
                return True
        return False

    async def _deltas(self) -> AsyncIterator[dict[str, Any]]:
        """What is written, each at its time."""
        due = asyncio.get_running_loop().time() + self._options.first_token_s
        between = 1 / self._options.tokens_per_s
        match self._fault:
            case Silent():
                await _stand_still(0)
            case Slow(first=first, each=each):
                due += first
                between = max(between, each)
        for delta in self._written():
            await asyncio.sleep(due - asyncio.get_running_loop().time())
            yield delta
            due += between

    def _written(self) -> Iterator[dict[str, Any]]:
        text = tokens(self._llm.next_reply())
        if self._options.reasoning == "none" or (self._options.obeys and _is_not_to_think(self._writing.request)):
            yield from _content(text)
            return
        thought = tokens(_THOUGHT)
        thought *= max(1, round(self._options.thought_s * self._options.tokens_per_s / len(thought)))
        match self._options.reasoning:
            case "field":
                yield from ({"reasoning_content": token} for token in thought)
                yield from _content(text)
            case "reasoning":
                yield from ({"content": "", "reasoning": token} for token in thought)
                yield from _content(text)
            case "parts":
                for token in thought:
                    yield {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": token}]}]}
                yield from ({"content": [{"type": "text", "text": token}]} for token in text)
            case "tags":
                # In pieces that fall where they may, as the tokens of many models do.
                yield from _content(["<th", "ink>", *thought, "\n</", "thi", "nk>\n\n", *text])
            case "unopened":
                yield from _content([*thought, "\n</think>", "\n\n", *text])
            case "unclosed":
                yield from _content(["<think>", "\n", *thought])
            case "channels":
                begin, end = ("<|channel|>", "analysis", "<|message|>"), ("<|end|>", "<|start|>", "assistant")
                yield from _content(
                    [*begin, *thought, *end, "<|channel|>", "final", "<|message|>", *text, "<|return|>"]
                )

    def _chunk(self, delta: dict[str, str], finish_reason: str | None = None) -> bytes:
        choice = {"index": 0, "delta": delta, "finish_reason": finish_reason}
        chunk = {**self._envelope("chat.completion.chunk"), "choices": [choice]}
        return b"data: " + msgspec.json.encode(chunk) + b"\n\n"

    def _envelope(self, kind: str) -> dict[str, Any]:
        return {"id": "chatcmpl-standin", "object": kind, "created": 0, "model": self._writing.request["model"]}


async def _stand_still(seconds: float) -> None:
    """Wait so long; 0: until cancelled."""
    await (asyncio.sleep(seconds) if seconds else asyncio.Event().wait())


def tokens(text: str) -> list[str]:
    """The pieces in which a text is written: a space in front of what starts a word, at most six letters."""
    return _TOKEN.findall(text)


def _content(texts: Iterable[str]) -> Iterator[dict[str, Any]]:
    return ({"content": text} for text in texts)


def _is_not_to_think(request: dict[str, Any]) -> bool:
    template = request.get("chat_template_kwargs")
    asked_of_template = isinstance(template, dict) and template.get("enable_thinking") is False
    return asked_of_template or request.get("reasoning_effort") == "none"


def _refused_like(refusal: Refusal, **sizes: int) -> Response:
    return _refused(refusal.status, refusal.text.format(**sizes))


def _refused(status: int, message: str | None = None, *, retry_after_s: float = 0) -> Response:
    message = message or (HTTPStatus(status).phrase if status in list(HTTPStatus) else "error")
    error = {"message": message, "type": "standin_error", "param": None, "code": None}
    return JSONResponse({"error": error}, status, {"retry-after": f"{retry_after_s:g}"} if retry_after_s else None)
