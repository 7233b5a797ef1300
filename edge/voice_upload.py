"""`POST /v1/voices`: a recording of somebody comes in, the id of a voice like theirs goes out."""

import asyncio
import hashlib
from collections.abc import AsyncIterator

import grpc
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response

from edge.form import BadForm, FilePart, MissingPart
from edge.openapi import FILE, JSON, operation
from mesh.discovery import Replicas, uploading
from mesh.errors import AtCapacity, InvalidRequest, UploadTooLarge
from parley.voices.v1.voices_pb2 import (
    CreateVoiceConfig,
    CreateVoiceRequest,
    CreateVoiceResponse,
    FinishUpload,
    RecordingChunk,
)
from parley.voices.v1.voices_pb2_grpc import VoiceServiceStub

LARGEST_FILE = 4 << 20
"""Bytes of the file; the voice service has the same limit."""
LARGEST_REST = 64 << 10
"""Bytes that a form may have around its file."""
ARRIVAL_LIMIT_S = 60.0
"""How long a client may take to send the file,"""
IDLE_LIMIT_S = 10.0
"""and how long nothing of it may come."""
CLONING_LIMIT_S = 45.0
"""How long the voice may take to be made once the file is there."""

_FIELD = "file"


class MadeVoice(msgspec.Struct, frozen=True):
    """A custom voice, by its name: `custom:` and a UUID."""

    name: str


class VoiceUpload:
    """Answers the route, at most `most` requests at a time; no file is kept here, it is passed on as it comes."""

    def __init__(self, voices: Replicas, most: int) -> None:
        self._voices = voices
        self._left = most

    @operation(
        {JSON: MadeVoice},
        {
            400: "the recording or the form cannot be used",
            408: "the recording came too slowly",
            411: "there is no Content-Length",
            413: "the recording has more than 4 MiB",
            422: f"the form has no part called {_FIELD!r}",
            503: "nobody can clone just now; Retry-After tells when trying again helps",
        },
        form={_FIELD: {**FILE, "description": "A recording of somebody."}},
    )
    async def create(self, request: Request) -> Response:
        """Make a voice of a recording.

        The name is what `session.update` takes as `voice`; it is good for an hour, a setting of the voice service.
        """
        _check_length(request)
        if not self._left:
            raise AtCapacity("too many recordings are being uploaded")
        self._left -= 1
        try:
            name = await self._name(request)
        except (BadForm, ClientDisconnect) as error:
            raise HTTPException(400, str(error) or "the upload was broken off") from None
        except MissingPart:
            raise HTTPException(422, f"the form has no part called {_FIELD!r}") from None
        except TimeoutError:
            raise HTTPException(408, "the recording came too slowly") from None
        except UploadTooLarge as error:
            raise HTTPException(413, error.message) from None
        except InvalidRequest as error:
            raise HTTPException(400, error.message) from None
        finally:
            self._left += 1
        return Response(msgspec.json.encode(MadeVoice(name)), media_type=JSON)

    async def _name(self, request: Request) -> str:
        part = FilePart(request.headers.get("content-type", ""), _FIELD)
        config = CreateVoiceRequest(config=CreateVoiceConfig())
        async with (
            asyncio.timeout(ARRIVAL_LIMIT_S + CLONING_LIMIT_S),
            uploading(self._voices, _create_voice, config) as upload,
        ):
            made = await upload.finish(_requests(part.read(_body(request))))
        return made.voice.voice_id


def _check_length(request: Request) -> None:
    length = request.headers.get("content-length", "")
    if not length.isdecimal():
        raise HTTPException(411, "Content-Length is required")
    if int(length) > LARGEST_FILE + LARGEST_REST:
        raise HTTPException(413, f"a recording may have {LARGEST_FILE} bytes (4 MiB)")


async def _body(request: Request) -> AsyncIterator[bytes]:
    """The body as it comes. Raises TimeoutError when it does not, and `ClientDisconnect`."""
    now = asyncio.get_running_loop().time
    pieces = aiter(request.stream())
    deadline = now() + ARRIVAL_LIMIT_S
    while True:
        async with asyncio.timeout_at(min(deadline, now() + IDLE_LIMIT_S)):
            piece = await anext(pieces, None)
        if piece is None:
            return
        yield piece


async def _requests(file: AsyncIterator[bytes]) -> AsyncIterator[CreateVoiceRequest]:
    """The requests that follow the config."""
    total_bytes, sha256 = 0, hashlib.sha256()
    async for content in file:
        total_bytes += len(content)
        if total_bytes > LARGEST_FILE:
            raise HTTPException(413, f"a recording may have {LARGEST_FILE} bytes (4 MiB)")
        sha256.update(content)
        yield CreateVoiceRequest(chunk=RecordingChunk(content=content))
    yield CreateVoiceRequest(finish=FinishUpload(total_bytes=total_bytes, sha256=sha256.digest()))


def _create_voice(
    channel: grpc.aio.Channel,
) -> "grpc.aio.StreamUnaryMultiCallable[CreateVoiceRequest, CreateVoiceResponse]":
    return VoiceServiceStub(channel).CreateVoice
