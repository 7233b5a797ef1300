"""A stand-in for a server with OpenAI's realtime transcription: the published events over a real WebSocket.

As the hosted service does, it transcribes what is committed, refuses a commit of less than 100 ms, and tells deltas
before what is complete. `says` makes the text of an utterance's PCM.
"""

import asyncio
import base64
import http
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qs, urlsplit

from websockets.asyncio.server import ServerConnection, serve
from websockets.datastructures import Headers
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request, Response

from mesh.audio import SAMPLE_BYTES, SAMPLE_RATE

_SHORTEST = SAMPLE_RATE // 10 * SAMPLE_BYTES
_ITEM = "conversation.item.input_audio_transcription"


@dataclass
class RealtimeServer:
    """Set what it should do wrong before a client comes."""

    says: Callable[[bytes], str] = lambda _: "a cup of tea"
    key: str = ""
    slots: int = 100
    model: str = "whisper-1"
    mute: bool = False
    """It transcribes nothing."""
    nonsense: str = ""
    """What it sends in place of each transcription."""
    dies: bool = False
    """It is gone when something is committed."""
    fails: bool = False
    """It cannot transcribe what it is sent."""
    greets: bool = True
    url: str = ""
    sessions: list[dict[str, Any]] = field(default_factory=list)
    queries: list[dict[str, list[str]]] = field(default_factory=list)
    utterances: list[bytes] = field(default_factory=list)
    open: int = 0
    idle: asyncio.Event = field(default_factory=asyncio.Event)
    """Nobody is connected."""

    @asynccontextmanager
    async def serving(self) -> AsyncIterator["RealtimeServer"]:
        async with serve(self._converse, "127.0.0.1", 0, process_request=self._admit) as server:
            host, port = next(iter(server.sockets)).getsockname()[:2]
            self.url = f"http://{host}:{port}"
            yield self

    def _admit(self, connection: ServerConnection, request: Request) -> Response | None:
        path = urlsplit(request.path).path
        if self.key and request.headers.get("authorization") != f"Bearer {self.key}":
            return connection.respond(http.HTTPStatus.UNAUTHORIZED, "Incorrect API key provided.")
        if path == "/v1/models":
            body = json.dumps({"data": [{"id": self.model}]}).encode()
            return Response(200, "OK", Headers({"content-type": "application/json"}), body)
        if path != "/v1/realtime":
            return connection.respond(http.HTTPStatus.NOT_FOUND, "Not Found")
        if self.open >= self.slots:
            return connection.respond(http.HTTPStatus.TOO_MANY_REQUESTS, "Rate limit reached")
        return None

    async def _converse(self, socket: ServerConnection) -> None:
        self.open += 1
        self.idle.clear()
        try:
            assert socket.request is not None
            self.queries.append(parse_qs(urlsplit(socket.request.path).query))
            if self.greets:
                await tell(socket, {"type": "session.created", "session": {"type": "transcription"}})
            await self._serve(socket)
        except ConnectionClosed:
            pass
        finally:
            self.open -= 1
            if not self.open:
                self.idle.set()

    async def _serve(self, socket: ServerConnection) -> None:
        buffer = bytearray()
        items = (f"item_{number}" for number in itertools.count())
        async for message in socket:
            event = json.loads(message)
            match event["type"]:
                case "session.update":
                    self.sessions.append(event["session"])
                    if event["session"]["audio"]["input"]["transcription"]["model"] != self.model:
                        await refuse(socket, "model_not_found", "session.audio.input.transcription.model")
                        continue
                    await tell(socket, {"type": "session.updated", "session": event["session"]})
                case "input_audio_buffer.append":
                    buffer += base64.b64decode(event["audio"], validate=True)
                case "input_audio_buffer.commit":
                    utterance = bytes(buffer)
                    buffer.clear()
                    if len(utterance) < _SHORTEST:
                        await refuse(socket, "input_audio_buffer_commit_empty", None)
                        continue
                    self.utterances.append(utterance)
                    await self._transcribe(socket, next(items), utterance)
                case other:
                    await refuse(socket, "invalid_value", f"type {other}")

    async def _transcribe(self, socket: ServerConnection, item: str, utterance: bytes) -> None:
        if self.dies:
            socket.transport.abort()
            return
        await tell(socket, {"type": "input_audio_buffer.committed", "item_id": item, "previous_item_id": None})
        await tell(socket, {"type": "conversation.item.added", "item": {"id": item}})
        if self.mute:
            return
        if self.nonsense:
            await socket.send(self.nonsense)
            return
        told = {"item_id": item, "content_index": 0}
        if self.fails:
            error = {"code": "audio_unintelligible", "message": "The audio could not be transcribed."}
            await tell(socket, {"type": f"{_ITEM}.failed", **told, "error": error})
            return
        text = await asyncio.to_thread(self.says, utterance)
        for word in text.split():
            await tell(socket, {"type": f"{_ITEM}.delta", **told, "delta": f" {word}"})
        usage = {"type": "duration", "seconds": 1}
        await tell(socket, {"type": f"{_ITEM}.completed", **told, "transcript": text, "usage": usage})


async def tell(socket: ServerConnection, event: dict[str, Any]) -> None:
    await socket.send(json.dumps({"event_id": "event_1", **event}))


async def refuse(socket: ServerConnection, code: str, param: str | None) -> None:
    error = {"type": "invalid_request_error", "code": code, "message": "no", "param": param}
    await tell(socket, {"type": "error", "error": error})
