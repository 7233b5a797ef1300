"""moshi-server's cloning, over its real wire: `POST /api/voice` and `GET /api/build_info`."""

import asyncio
import struct

from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route


def voice_message(*numbers: float) -> bytes:
    """The answer for a voice of these numbers, in msgpack: type "Voice", embeddings, and the shape [1, 1, n]."""
    floats = b"".join(b"\xca" + struct.pack(">f", number) for number in numbers)
    return (
        b"\x83\xa4type\xa5Voice\xaaembeddings"
        b"\xdc"
        + struct.pack(">H", len(numbers))
        + floats
        + b"\xa5shape\x93\x01\x01\xcd"
        + struct.pack(">H", len(numbers))
    )


class FakeCloning:
    """Answers every recording with `answer` and `status` after `takes_s` seconds; never, unless it `answers`."""

    def __init__(self) -> None:
        self.answer = voice_message(*(n / 64_000 for n in range(64_000)))
        self.status = 200
        self.answers = True
        self.takes_s = 0.0
        self.recordings: list[bytes] = []
        self.content_types: list[str | None] = []
        self.app = Starlette(
            routes=[
                Route("/api/build_info", self._build_info),
                Route("/api/voice", self._voice, methods=["POST"]),
            ]
        )

    async def _build_info(self, _request: Request) -> Response:
        return Response(b"{}", status_code=self.status)

    async def _voice(self, request: Request) -> Response:
        self.content_types.append(request.headers.get("content-type"))
        self.recordings.append(await request.body())
        if not self.answers:
            await asyncio.Event().wait()
        await asyncio.sleep(self.takes_s)
        return Response(self.answer, status_code=self.status, media_type="application/octet-stream")
