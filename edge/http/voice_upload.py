"""`POST /v1/voices`: a recording of somebody comes in, the id of a voice like theirs goes out."""

from collections.abc import AsyncIterator

import grpc
import msgspec
from starlette.requests import Request
from starlette.responses import Response

from edge.http.openapi import FILE, JSON, operation
from edge.http.uploads import ERRORS, RecordingForm, Uploads
from mesh.discovery.search import Replicas, uploading
from parley.voices.v1.voices_pb2 import CreateVoiceConfig, CreateVoiceRequest, CreateVoiceResponse
from parley.voices.v1.voices_pb2_grpc import VoiceServiceStub


class MadeVoice(msgspec.Struct, frozen=True):
    """A custom voice, by its name: `custom:` and a UUID."""

    name: str


class VoiceUpload:
    """Answers the route."""

    def __init__(self, voices: Replicas, uploads: Uploads) -> None:
        self._voices = voices
        self._uploads = uploads

    @operation({JSON: MadeVoice}, ERRORS, form={"file": {**FILE, "description": "A recording of somebody."}})
    async def create(self, request: Request) -> Response:
        """Make a voice of a recording.

        The name is what `session.update` takes as `voice`; it is good for an hour, a setting of the voice service.
        """
        config = CreateVoiceRequest(config=CreateVoiceConfig())
        async with (
            self._uploads.one_more(request) as form,
            uploading(self._voices, _create_voice, config) as upload,
        ):
            made = await upload.finish(_requests(form))
        return Response(msgspec.json.encode(MadeVoice(made.voice.voice_id)), media_type=JSON)


async def _requests(form: RecordingForm) -> AsyncIterator[CreateVoiceRequest]:
    """The requests that follow the config."""
    async for chunk in form.chunks():
        yield CreateVoiceRequest(chunk=chunk)
    yield CreateVoiceRequest(finish=form.finish())


def _create_voice(
    channel: grpc.aio.Channel,
) -> "grpc.aio.StreamUnaryMultiCallable[CreateVoiceRequest, CreateVoiceResponse]":
    return VoiceServiceStub(channel).CreateVoice
