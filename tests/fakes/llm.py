"""A language model that writes what the test wants, behind OpenAI's HTTP API."""

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Protocol

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from mesh.tasks import beside
from tests.fakes import http
from tests.fakes.watched import Slots

Script = Callable[[dict[str, Any]], AsyncIterator[str | bytes | None]]


class HasApp(Protocol):
    """A fake that `serving` can serve."""

    app: Starlette


class _Gone(Exception):
    """The client has left."""


def written(*tokens: str | bytes | None) -> Script:
    """Write these tokens at once, whatever is asked."""

    async def script(_request: dict[str, Any]) -> AsyncIterator[str | bytes | None]:
        for token in tokens:
            yield token

    return script


def breaks_off(*tokens: str) -> Script:
    """Write these tokens, then lose the connection."""

    async def script(_request: dict[str, Any]) -> AsyncIterator[str | bytes | None]:
        for token in tokens:
            yield token
        raise ConnectionResetError

    return script


class FakeLlm:
    """Answers by its `script`, which yields tokens, or raw bytes that go out as they are, or None to end without saying
    so; if it raises, the connection is cut. With a `status` other than 200 it refuses.
    """

    def __init__(self) -> None:
        self.slots = Slots()
        self.requests: list[dict[str, Any]] = []
        self.keys: list[str | None] = []
        self.models: list[str] = ["fake/small-talk"]
        self.models_answer: Response | None = None
        """What `/v1/models` answers instead of the list."""
        self.listed = 0
        """How often it was asked for."""
        self.status = 200
        self.script: Script = written("Well", ", hel", "lo there", ".")
        self.first: list[Script | Response] = []
        """How the next requests are answered, before that."""
        self.app = Starlette(
            routes=[
                Route("/v1/models", self._models),
                Route("/v1/chat/completions", self._complete, methods=["POST"]),
            ]
        )

    async def request(self, number: int = 0) -> dict[str, Any]:
        """Return the so-manieth request, once it has come."""
        await self.slots.until(lambda: len(self.requests) > number)
        return self.requests[number]

    async def messages(self, number: int = 0) -> list[tuple[str, str]]:
        """Return what the so-manieth request held, as (role, content)."""
        return [(each["role"], each["content"]) for each in (await self.request(number))["messages"]]

    async def _models(self, _request: Request) -> Response:
        self.listed += 1
        if self.models_answer:
            return self.models_answer
        if self.status != 200:
            return JSONResponse({"error": {"message": "no"}}, self.status)
        return JSONResponse({"object": "list", "data": [{"id": each, "object": "model"} for each in self.models]})

    async def _complete(self, request: Request) -> Response:
        self.keys.append(request.headers.get("authorization"))
        self.requests.append(await request.json())
        self.slots.changed()
        if self.status != 200:
            return JSONResponse({"error": {"message": f"private: {self.requests[-1]}"}}, self.status)
        now = self.first.pop(0) if self.first else self.script
        return now if isinstance(now, Response) else _Stream(self, self.requests[-1], now)


class _Stream(Response):
    """One answer, as server-sent events. It ends the moment the client leaves, as a real server's does."""

    def __init__(self, llm: FakeLlm, request: dict[str, Any], script: Script) -> None:
        super().__init__(media_type="text/event-stream")
        self._llm = llm
        self._script = script
        self._request = request

    async def __call__(self, _scope: Scope, receive: Receive, send: Send) -> None:
        with self._llm.slots.taken():
            try:
                async with beside(_watch(receive)):
                    await self._write(send)
            except _Gone:
                return

    async def _write(self, send: Send) -> None:
        headers = [(b"content-type", b"text/event-stream")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        ending = ENDED + b"data: [DONE]\n\n"
        async for token in self._script(self._request):
            if token is None:
                ending = b""
                break
            body = token if isinstance(token, bytes) else event(token)
            await send({"type": "http.response.body", "body": body, "more_body": True})
        await send({"type": "http.response.body", "body": ending})


def event(token: str) -> bytes:
    """One token as a server-sent event."""
    chunk = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": token}}]}
    return b"data: " + json.dumps(chunk).encode() + b"\n\n"


ENDED = b'data: {"choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]}\n\n'
"""The last event of an answer that is complete."""


async def _watch(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise _Gone


@asynccontextmanager
async def serving(fake: HasApp, port: int = 0) -> AsyncIterator[str]:
    """Serve the fake meanwhile, on a free port if none is given, and yield its URL."""
    async with http.serving(fake.app, port) as url:
        yield url
