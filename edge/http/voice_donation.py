"""`/v1/voice-donation`: somebody gets a text to read aloud, and gives away the recording of it."""

from collections.abc import AsyncIterator

import grpc
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from edge.dialects.unmute.donation import Metadata, Verification, metadata, verification
from edge.http.openapi import FILE, JSON, operation
from edge.http.uploads import ERRORS, RecordingForm, Uploads
from mesh.discovery.search import Replicas, ask, uploading
from mesh.errors import NotOffered
from parley.voices.v1.voices_pb2 import (
    StartDonationRequest,
    StartDonationResponse,
    SubmitDonationConfig,
    SubmitDonationRequest,
    SubmitDonationResponse,
)
from parley.voices.v1.voices_pb2_grpc import VoiceServiceStub

_NOT_TAKEN = "no donations are taken here"


class Kept(msgspec.Struct, frozen=True):
    """It is kept; there is nothing to be told about it."""


class VoiceDonation:
    """Answers the two routes. Where no donations are taken there is nothing at them: 404."""

    def __init__(self, voices: Replicas, uploads: Uploads) -> None:
        self._voices = voices
        self._uploads = uploads

    @operation({JSON: Verification}, {404: _NOT_TAKEN, 503: "the voice service cannot be asked just now"})
    async def start(self, _request: Request) -> Response:
        """Begin a donation: get the text that is to be read aloud.

        The recording of it is good for five minutes.
        """
        try:
            started = await ask(self._voices, _start_donation, StartDonationRequest())
        except NotOffered as error:
            raise HTTPException(404, error.message) from None
        return Response(msgspec.json.encode(verification(started)), media_type=JSON)

    @operation(
        {JSON: Kept},
        {**ERRORS, 404: _NOT_TAKEN},
        form={"file": {**FILE, "description": "The recording."}, "metadata": Metadata},
    )
    async def submit(self, request: Request) -> Response:
        """Keep a recording, with what its donor says of it.

        The parts of the form may come in either order. 400 tells the first rule that is not kept, in this order: the
        metadata is JSON, it has the fields it must have, the file has at least 0.1 MiB, the nickname at most 30
        characters, the id is known and not used, it is at most five minutes old. Only 200 uses the id up.
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
        return Response(msgspec.json.encode(Kept()), media_type=JSON)


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
