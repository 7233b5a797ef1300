"""The responder as an HTTP service: `GET /v1/models` and `POST /v1/chat/completions`."""

import asyncio
import time
import uuid
from collections.abc import AsyncIterator, Callable
from datetime import datetime

import msgspec
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from responder.completion import Answer, chunks, whole
from responder.rules import Message, answer
from responder.wire import MODEL, ChatRequest, ErrorAnswer, ErrorBody, Model, ModelList

# A conversation of some hours, in bytes and in seconds to send it.
MAX_BODY_BYTES = 1 << 20
BODY_TIMEOUT_S = 10.0


class Refused(Exception):
    """A request that cannot be answered; becomes OpenAI's JSON error with this HTTP status."""

    def __init__(self, status: int, message: str, *, param: str | None = None, code: str | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.body = ErrorBody(message, "invalid_request_error", param, code)


def create_app(*, token_delay_s: float, now: Callable[[], datetime]) -> Starlette:
    """The application; a streamed answer's tokens come `token_delay_s` apart, `now` gives the local time."""
    started = int(time.time())

    async def models(_: Request) -> Response:
        return _json(ModelList([Model(started)]))

    async def chat_completions(request: Request) -> Response:
        asked = _decode(await _body(request))
        text = answer([Message(message.role, message.text) for message in asked.messages], now())
        given = Answer.to(asked, text, answer_id=f"chatcmpl-{uuid.uuid4().hex}", created=int(time.time()))
        if not asked.stream:
            return _json(whole(given))
        return StreamingResponse(_events(given, token_delay_s), media_type="text/event-stream")

    return Starlette(
        routes=[
            Route("/v1/models", models),
            Route("/v1/chat/completions", chat_completions, methods=["POST"]),
        ],
        exception_handlers={Refused: _refused, HTTPException: _http_error},
    )


async def _body(request: Request) -> bytes:
    """The request's body. Raises `Refused` when it is too long or does not come."""
    body = bytearray()
    try:
        async with asyncio.timeout(BODY_TIMEOUT_S):
            async for part in request.stream():
                body += part
                if len(body) > MAX_BODY_BYTES:
                    raise Refused(413, f"the body is longer than {MAX_BODY_BYTES} bytes; send less of the conversation")
    except TimeoutError:
        raise Refused(408, f"the body did not arrive within {BODY_TIMEOUT_S:g} s") from None
    return bytes(body)


def _decode(body: bytes) -> ChatRequest:
    try:
        asked = msgspec.json.decode(body, type=ChatRequest)
    except msgspec.ValidationError as error:
        message, _, field = str(error).partition(" - at `$")
        raise Refused(400, message, param=field.strip(".`") or None) from None
    except msgspec.DecodeError as error:
        raise Refused(400, f"the body is not JSON: {error}") from None
    if asked.model != MODEL:
        message = f"the model {asked.model!r} does not exist; the only one here is {MODEL!r}"
        raise Refused(404, message, param="model", code="model_not_found")
    return asked


async def _events(given: Answer, token_delay_s: float) -> AsyncIterator[bytes]:
    for chunk in chunks(given):
        yield b"data: " + msgspec.json.encode(chunk) + b"\n\n"
        await asyncio.sleep(token_delay_s)
    yield b"data: [DONE]\n\n"


async def _refused(_: Request, error: Exception) -> Response:
    assert isinstance(error, Refused)  # noqa: S101 - registered for nothing else
    return _json(ErrorAnswer(error.body), status=error.status)


async def _http_error(request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for nothing else
    body = ErrorBody(f"{error.detail}: {request.method} {request.url.path}", "invalid_request_error")
    return _json(ErrorAnswer(body), status=error.status_code)


def _json(content: msgspec.Struct, *, status: int = 200) -> Response:
    return Response(msgspec.json.encode(content), status_code=status, media_type="application/json")
