"""A stand-in for a server with OpenAI's audio API: the real wire, and faults on request.

It speaks a tone of `SECONDS_PER_LETTER` for each letter of a word, so that its word times are known.
"""

import asyncio
import struct
from collections.abc import AsyncIterator, Callable, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
import numpy as np
from msgspec import Struct
from starlette.datastructures import UploadFile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.types import Receive, Scope, Send

from standins.asgi import end, read, while_there
from standins.engine import Engine, Options
from standins.faults import Close, Fault, Full, Garbage, Http, Silent, Slow, Stall
from tts_proxy.clauses.streaming import letters_of

SECONDS_PER_LETTER = 0.1
PIECE_S = 0.1


class AudioOptions(Options, frozen=True, kw_only=True):
    keys: tuple[str, ...] = ()
    models: tuple[str, ...] = ("tts-1", "whisper-1")
    voices: tuple[str, ...] = ("alloy", "echo")
    lists_voices: bool = False
    sample_rate: int = 24_000
    content_type: str = "audio/pcm"
    wav: bool = False
    piece_s: float = 0.0
    """Seconds between two pieces of PIECE_S of sound."""
    retry_after: str = ""
    verbose: bool = True
    """Whether it gives times, as whisper-1 does and gpt-4o-transcribe does not."""
    transcript: dict[str, Any] = msgspec.field(default_factory=lambda: {"text": ""})


class Speaking(Struct):
    request: dict[str, Any]
    authorization: str | None
    pieces: int = 0
    over: bool = False


class Transcribing(Struct):
    fields: list[tuple[str, str]]
    filename: str
    audio: bytes


class AudioServer(Engine[AudioOptions]):
    kind = "audio"
    fault_kinds = (Full, Http, Slow, Stall, Silent, Garbage, Close)

    def __init__(self, options: AudioOptions | None = None) -> None:
        super().__init__(options or AudioOptions())
        self.speech: list[Speaking] = []
        self.transcriptions: list[Transcribing] = []
        self.transcribe: Callable[[bytes], dict[str, Any]] = lambda _: self.options.transcript

    def _routes(self) -> Sequence[Route]:
        return (
            Route("/v1/models", self._models),
            Route("/v1/audio/voices", self._voices),
            Route("/v1/audio/speech", self._speak, methods=["POST"]),
            Route("/v1/audio/transcriptions", self._transcribe, methods=["POST"]),
        )

    async def _models(self, request: Request) -> Response:
        if not self._may_ask(request):
            return _error(HTTPStatus.UNAUTHORIZED, "Incorrect API key provided: wrong.", code="invalid_api_key")
        return JSONResponse(
            {"object": "list", "data": [{"id": name, "object": "model"} for name in self.options.models]}
        )

    async def _voices(self, _: Request) -> Response:
        if not self.options.lists_voices:
            return _error(HTTPStatus.NOT_FOUND, "Not Found")
        return JSONResponse({"voices": list(self.options.voices)})

    async def _speak(self, request: Request) -> Response:
        body = await read(request, 1 << 20)
        asked = msgspec.json.decode(body or b"{}")
        if refusal := self._refusal(request, asked["model"]):
            return refusal
        if asked["voice"] not in self.options.voices:
            return _error(HTTPStatus.BAD_REQUEST, f"Voice {asked['voice']} not found.", param="voice")
        speaking = Speaking(asked, request.headers.get("authorization"))
        self.speech.append(speaking)
        self.changed()
        return _Speech(self, speaking, self.faults.draw())

    async def _transcribe(self, request: Request) -> Response:
        async with request.form() as form:
            fields = [(name, value) for name, value in form.multi_items() if isinstance(value, str)]
            file = form["file"]
            assert isinstance(file, UploadFile)
            received = Transcribing(fields, file.filename or "", await file.read())
        if refusal := self._refusal(request, dict(fields)["model"]):
            return refusal
        if not self.options.verbose and dict(fields)["response_format"] != "json":
            return _error(HTTPStatus.BAD_REQUEST, "response_format is not supported", param="response_format")
        self.transcriptions.append(received)
        self.changed()
        match self.faults.draw():
            case Slow(first=first):
                await asyncio.sleep(first)
            case Silent():
                await asyncio.Event().wait()
            case Garbage():
                return Response(b"{", media_type="application/json")
            case Close(how=how):
                return _Broken(how)
        return JSONResponse(await asyncio.to_thread(self.transcribe, received.audio))

    def _refusal(self, request: Request, model: str) -> Response | None:
        if not self._may_ask(request):
            return _error(HTTPStatus.UNAUTHORIZED, "Incorrect API key provided: wrong.", code="invalid_api_key")
        if model not in self.options.models:
            return _error(HTTPStatus.NOT_FOUND, f"The model {model} does not exist", param="model")
        headers = {"retry-after": self.options.retry_after} if self.options.retry_after else None
        match next(iter(self.faults), None):
            case Full():
                return _error(HTTPStatus.TOO_MANY_REQUESTS, "Rate limit reached", headers=headers)
            case Http(status=status):
                return _error(status, "that went wrong")
        return None

    def _may_ask(self, request: Request) -> bool:
        given = request.headers.get("authorization", "").removeprefix("Bearer ")
        return not self.options.keys or given in self.options.keys

    def sound(self, text: str) -> bytes:
        """A tone for each word, and a short rest after it."""
        rate = self.options.sample_rate
        parts = []
        for word in text.split():
            count = round(letters_of(word) * SECONDS_PER_LETTER * rate)
            tone = 8_000 * np.sin(2 * np.pi * 440 * np.arange(count) / rate)
            tone[-round(0.02 * rate) :] = 0
            parts.append(tone.astype("<i2"))
        samples = np.concatenate(parts).tobytes()
        if not self.options.wav:
            return samples
        form = struct.pack("<4sIHHIIHH", b"fmt ", 16, 1, 1, rate, 2 * rate, 2, 16)
        # As long as a file that is still being made says.
        return b"RIFF\xff\xff\xff\xffWAVE" + form + b"data\xff\xff\xff\xff" + samples


class _Speech(Response):
    """Speech as it is made; it ends the moment the client leaves."""

    def __init__(self, server: AudioServer, speaking: Speaking, fault: Fault | None) -> None:
        super().__init__()
        self._server = server
        self._speaking = speaking
        self._fault = fault

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        give_back = self._server.slots.take()
        if give_back is None:
            await _error(HTTPStatus.TOO_MANY_REQUESTS, "full")(scope, receive, send)
            return
        try:
            async with while_there(receive):
                await self._send(scope, send)
        finally:
            self._speaking.over = True
            give_back()
            self._server.changed()

    async def _send(self, scope: Scope, send: Send) -> None:
        options = self._server.options
        if isinstance(self._fault, Slow):
            await asyncio.sleep(self._fault.first)
        if isinstance(self._fault, Silent):
            await asyncio.Event().wait()
        kind = "text/html" if isinstance(self._fault, Garbage) else options.content_type
        headers = [(b"content-type", kind.encode())]
        await send({"type": "http.response.start", "status": HTTPStatus.OK, "headers": headers})
        async for piece in self._pieces():
            match self._fault:
                case Close(after=after, how=how) if after == self._speaking.pieces:
                    end(scope, how)
                    return
                case Stall(after=after) if after == self._speaking.pieces:
                    await asyncio.Event().wait()
            await send({"type": "http.response.body", "body": piece, "more_body": True})
            self._speaking.pieces += 1
        await send({"type": "http.response.body", "body": b"", "more_body": False})

    async def _pieces(self) -> AsyncIterator[bytes]:
        sound = self._server.sound(self._speaking.request["input"])
        # An odd length: samples are cut in two.
        length = 2 * round(PIECE_S * self._server.options.sample_rate) + 1
        for start in range(0, len(sound), length):
            yield sound[start : start + length]
            await asyncio.sleep(self._server.options.piece_s)


class _Broken(Response):
    def __init__(self, how: str) -> None:
        super().__init__()
        self._how = how

    async def __call__(self, scope: Scope, _: Receive, __: Send) -> None:
        end(scope, self._how)


def _error(
    status: int,
    message: str,
    *,
    param: str | None = None,
    code: str | None = None,
    headers: dict[str, str] | None = None,
) -> Response:
    error = {"message": message, "type": "invalid_request_error", "param": param, "code": code}
    return JSONResponse({"error": error}, status, headers)
