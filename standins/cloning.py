"""The stand-in for moshi-server's voice cloning: `POST /api/voice`."""

import asyncio
import hashlib
import io
from collections import deque
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from math import prod
from typing import Annotated

import msgspec
import numpy as np
import soundfile
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from standins import wire
from standins.asgi import end, read, while_there
from standins.engine import Engine, Options
from standins.faults import Close, Garbage, Http, Silent, Slow
from standins.garbage import garbage
from standins.moshi import build_info

_BODY_LIMIT_BYTES = 16 << 20
_REMEMBERED = 50
_BYTES = "application/octet-stream"
_TURN_LIMIT_S = 600.0
"""Clients give up long before."""


class CloningOptions(Options, frozen=True, kw_only=True):
    """How it clones."""

    slots: Annotated[int, msgspec.Meta(ge=0)] = 1
    """Voices made at once; others wait."""
    seconds: Annotated[float, msgspec.Meta(ge=0)] = 0.2
    """How long a voice takes."""
    shape: tuple[int, ...] = (1, 512, 125)
    """Of the embedding; a smaller one is easier to read in a test."""


class CloningEngine(Engine[CloningOptions]):
    """Makes of every sample a voice of its own."""

    kind = "cloning"
    fault_kinds = (Http, Slow, Silent, Garbage, Close)

    def __init__(self, options: CloningOptions | None = None) -> None:
        super().__init__(options or CloningOptions())
        self.requests: deque[bytes] = deque(maxlen=_REMEMBERED)
        """The samples that came, the latest last."""
        self.voices: deque[bytes] = deque(maxlen=_REMEMBERED)
        """What was answered, byte for byte."""

    def _routes(self) -> Sequence[Route]:
        return (
            Route("/api/build_info", build_info),
            Route("/api/modules_info", self._modules_info),
            Route("/api/voice", self._clone, methods=["POST"]),
        )

    async def _modules_info(self, _: Request) -> Response:
        # The real server does not list this module.
        return JSONResponse([])

    async def _clone(self, request: Request) -> Response:
        sample = await read(request, _BODY_LIMIT_BYTES)
        if sample is None:
            return Response(status_code=HTTPStatus.REQUEST_ENTITY_TOO_LARGE)
        self.requests.append(sample)
        fault = self.faults.draw()
        if isinstance(fault, Http):
            return Response(status_code=fault.status)
        voice = None
        async with while_there(request.receive), self._turn():
            await self._take_time(fault)
            if await asyncio.to_thread(is_audio, sample):
                voice = clone(sample, self.options.shape)
        if voice is None:
            return Response(status_code=HTTPStatus.INTERNAL_SERVER_ERROR)
        if isinstance(fault, Close):
            end(request.scope, fault.how)
        elif isinstance(fault, Garbage):
            return Response(garbage(fault.how, voice, self.faults.chance), media_type=_BYTES)
        self.voices.append(voice)
        return Response(voice, media_type=_BYTES)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """One after the other, as the one worker of the real server takes them."""
        while (give_back := self.slots.take()) is None:
            await self.slots.until(lambda: self.slots.used < self.slots.capacity, within=_TURN_LIMIT_S)
        try:
            yield
        finally:
            give_back()

    async def _take_time(self, fault: object) -> None:
        match fault:
            case Silent():
                await asyncio.Event().wait()
            case Slow(first=first):
                await asyncio.sleep(first)
        await asyncio.sleep(self.options.seconds)


def is_audio(sample: bytes) -> bool:
    """Whether this is an audio file that can be decoded and holds sound. Blocks."""
    try:
        pcm, _ = soundfile.read(io.BytesIO(sample))
    except (soundfile.LibsndfileError, RuntimeError):
        return False
    return bool(pcm.size)


def clone(sample: bytes, shape: Sequence[int]) -> bytes:
    """The voice of a sample: the same for the same bytes, another for others."""
    seed = int.from_bytes(hashlib.sha256(sample).digest()[:8])
    return wire.voice(np.random.default_rng(seed).standard_normal(prod(shape), np.float32).tolist(), shape)
