"""`/v1/voice-donation`: somebody gets a text to read aloud, and gives away the recording of it."""

from collections.abc import AsyncIterator

import grpc
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from edge.dialects.unmute.donation import metadata, verification
from edge.uploads import RecordingForm, Uploads
from mesh.discovery import Replicas, ask, uploading
from mesh.errors import NotOffered
from parley.voices.v1.voices_pb2 import (
    StartDonationRequest,
    StartDonationResponse,
    SubmitDonationConfig,
    SubmitDonationRequest,
    SubmitDonationResponse,
)
from parley.voices.v1.voices_pb2_grpc import VoiceServiceStub


class VoiceDonation:
    """Answers the two routes. Where no donations are taken there is nothing at them: 404."""

    def __init__(self, voices: Replicas, uploads: Uploads) -> None:
        self._voices = voices
        self._uploads = uploads

    async def start(self, _request: Request) -> Response:
        """Begin a donation: 200 with `{"id", "text", "created_at_timetamp"}`, the last in seconds since 1970.

        The recording of the text is good for five minutes. Errors are `{"detail": "<a sentence for people>"}`: 404 no
        donations are taken here, 503 the voice service cannot be reached.
        """
        try:
            started = await ask(self._voices, _start_donation, StartDonationRequest())
        except NotOffered as error:
            raise HTTPException(404, error.message) from None
        return JSONResponse(verification(started))

    async def submit(self, request: Request) -> Response:
        """Keep the form's `file`, with its `metadata`, a JSON object: 200 with `{}`. They may come in either order.

        All errors have the form `{"detail": "<a sentence for people>"}`: 400 for the first rule that is not kept, in
        this order: the metadata is JSON, it has the fields it must have, the file has at least 0.1 MiB, the nickname at
        most 30 characters, the id is known and not used, it is at most five minutes old. 404 no donations are taken
        here, 408 the form came too slowly, 411 no Content-Length, 413 the file has more than 4 MiB, 422 a part is
        missing, 503 (with Retry-After where that helps) it cannot be kept at present. Only 200 uses the id up.
        """
        config = SubmitDonationRequest(config=SubmitDonationConfig())
        try:
            async with (
                self._uploads.one_more(request, "metadata") as form,
                uploading(self._voices, _submit_donation, config) as upload,
            ):
                await upload.finish(_requests(form))
        except NotOffered as error:
            raise HTTPException(404, error.message) from None
        return JSONResponse({})


async def _requests(form: RecordingForm) -> AsyncIterator[SubmitDonationRequest]:
    """The requests that follow the config. The metadata comes last: then no part is missing, which is told first."""
    async for chunk in form.chunks():
        yield SubmitDonationRequest(chunk=chunk)
    yield SubmitDonationRequest(metadata=metadata(form.text))
    yield SubmitDonationRequest(finish=form.finish())


def _start_donation(
    channel: grpc.aio.Channel,
) -> "grpc.aio.UnaryUnaryMultiCallable[StartDonationRequest, StartDonationResponse]":
    return VoiceServiceStub(channel).StartDonation


def _submit_donation(
    channel: grpc.aio.Channel,
) -> "grpc.aio.StreamUnaryMultiCallable[SubmitDonationRequest, SubmitDonationResponse]":
    return VoiceServiceStub(channel).SubmitDonation
