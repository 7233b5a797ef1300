"""`POST /v1/voices`: a recording of somebody comes in, the id of a voice like theirs goes out."""

from collections.abc import AsyncIterator

import grpc
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.uploads import RecordingForm, Uploads
from mesh.discovery import Replicas, uploading
from parley.voices.v1.voices_pb2 import CreateVoiceConfig, CreateVoiceRequest, CreateVoiceResponse
from parley.voices.v1.voices_pb2_grpc import VoiceServiceStub


class VoiceUpload:
    """Answers the route."""

    def __init__(self, voices: Replicas, uploads: Uploads) -> None:
        self._voices = voices
        self._uploads = uploads

    async def create(self, request: Request) -> Response:
        """Make a voice of the form's `file`: 200 with `{"name": "custom:<uuid4>"}`.

        The name is what `session.update` takes as `voice`; it is good for an hour (a setting of the voice service). All
        errors have the form `{"detail": "<a sentence for people>"}`: 400 the audio or the form cannot be used, 408 the
        file came too slowly, 411 no Content-Length, 413 the file has more than 4 MiB, 422 no part called "file", 503
        (with Retry-After where that helps) cloning is not available.
        """
        config = CreateVoiceRequest(config=CreateVoiceConfig())
        async with (
            self._uploads.one_more(request) as form,
            uploading(self._voices, _create_voice, config) as upload,
        ):
            made = await upload.finish(_requests(form))
        return JSONResponse({"name": made.voice.voice_id})


async def _requests(form: RecordingForm) -> AsyncIterator[CreateVoiceRequest]:
    """The requests that follow the config."""
    async for chunk in form.chunks():
        yield CreateVoiceRequest(chunk=chunk)
    yield CreateVoiceRequest(finish=form.finish())


def _create_voice(
    channel: grpc.aio.Channel,
) -> "grpc.aio.StreamUnaryMultiCallable[CreateVoiceRequest, CreateVoiceResponse]":
    return VoiceServiceStub(channel).CreateVoice
