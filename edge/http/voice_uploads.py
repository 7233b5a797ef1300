"""The routes that take a recording: `POST /v1/voices` makes a voice of it, `/v1/voice-donation` keeps it."""

import math
from collections.abc import AsyncIterator

import grpc
import msgspec
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response

from edge.access.admission import OriginCheck
from edge.access.quota import DailyQuota, QuotaUsedUp
from edge.dialects.unmute.rest import Metadata, Verification, metadata, verification
from edge.http.openapi import FILE, JSON, operation
from edge.http.uploads import ERRORS, RecordingForm, Uploads, address_of
from mesh.discovery.search import Replicas, ask, uploading
from mesh.errors import NotOffered
from parley.voices.v1.voices_pb2 import (
    CreateVoiceConfig,
    CreateVoiceRequest,
    CreateVoiceResponse,
    StartDonationRequest,
    StartDonationResponse,
    SubmitDonationConfig,
    SubmitDonationRequest,
    SubmitDonationResponse,
)
from parley.voices.v1.voices_pb2_grpc import VoiceServiceStub

_NOT_TAKEN = "no donations are taken here"
_PURPOSE = "send a recording"
_WRONG_ORIGIN = {403: "the page is of an origin that may not send one"}


class MadeVoice(msgspec.Struct, frozen=True):
    """A custom voice, by its name: `custom:` and a UUID."""

    name: str


class Kept(msgspec.Struct, frozen=True):
    """The empty answer to a stored donation."""


class VoiceUploadRoutes:
    """Answers the routes, to pages of the same origins as may open a conversation.

    Without donations there is nothing at their routes: 404.
    """

    def __init__(self, voices: Replicas, uploads: Uploads, origins: OriginCheck, donations: DailyQuota) -> None:
        self._voices = voices
        self._donations = donations
        self._uploads = uploads
        self._origins = origins

    @operation(
        {JSON: MadeVoice},
        {**ERRORS, **_WRONG_ORIGIN},
        form={"file": {**FILE, "description": "A recording of somebody."}},
    )
    async def create_voice(self, request: Request) -> Response:
        """Make a voice of a recording.

        The name is what `session.update` takes as `voice`; it is good for an hour, a setting of the voice service.
        """
        self._origins.require(request.headers, _PURPOSE)
        config = CreateVoiceRequest(config=CreateVoiceConfig())
        async with (
            self._uploads.one_more(request) as form,
            uploading(self._voices, _create_voice, config) as upload,
        ):
            made = await upload.finish(_voice_requests(form))
        return Response(msgspec.json.encode(MadeVoice(made.voice.voice_id)), media_type=JSON)

    @operation(
        {JSON: Verification},
        {
            **_WRONG_ORIGIN,
            404: _NOT_TAKEN,
            429: "the address has donated as often as it may in a day",
            503: "no voice service can be reached just now, or its folder for donations is full",
        },
    )
    async def start_donation(self, request: Request) -> Response:
        """Begin a donation: get the text that is to be read aloud.

        The recording of it is good for five minutes.
        """
        self._origins.require(request.headers, _PURPOSE)
        try:
            # Checked before the donor reads the text.
            self._donations.check(address_of(request))
            started = await ask(self._voices, _start_donation, StartDonationRequest())
        except NotOffered as error:
            raise HTTPException(404, error.message) from None
        except QuotaUsedUp as error:
            raise _used_up(error) from None
        return Response(msgspec.json.encode(verification(started)), media_type=JSON)

    @operation(
        {JSON: Kept},
        {**ERRORS, **_WRONG_ORIGIN, 404: _NOT_TAKEN},
        form={"file": {**FILE, "description": "The recording."}, "metadata": Metadata},
    )
    async def submit_donation(self, request: Request) -> Response:
        """Keep a recording, with the metadata that its donor sends.

        The parts of the form may come in either order. 400 names the first broken rule, in this order: the
        metadata is JSON, it has the fields it must have, the file has at least 0.1 MiB, the nickname at most 30
        characters, the id is known and not used, it is at most five minutes old, somebody speaks in the recording. Only
        a stored donation (200) uses up the id.
        """
        self._origins.require(request.headers, _PURPOSE)
        config = SubmitDonationRequest(config=SubmitDonationConfig())
        try:
            with self._donations.one_more(address_of(request)):
                async with (
                    self._uploads.one_more(request, "metadata") as form,
                    uploading(self._voices, _submit_donation, config) as upload,
                ):
                    await upload.finish(_donation_requests(form))
        except NotOffered as error:
            raise HTTPException(404, error.message) from None
        except QuotaUsedUp as error:
            raise _used_up(error) from None
        return Response(msgspec.json.encode(Kept()), media_type=JSON)


def _used_up(error: QuotaUsedUp) -> HTTPException:
    return HTTPException(429, str(error), {"retry-after": str(math.ceil(error.retry_after_s))})


async def _voice_requests(form: RecordingForm) -> AsyncIterator[CreateVoiceRequest]:
    """The requests that follow the config."""
    async for chunk in form.chunks():
        yield CreateVoiceRequest(chunk=chunk)
    yield CreateVoiceRequest(finish=form.finish())


def _create_voice(
    channel: grpc.aio.Channel,
) -> "grpc.aio.StreamUnaryMultiCallable[CreateVoiceRequest, CreateVoiceResponse]":
    return VoiceServiceStub(channel).CreateVoice


async def _donation_requests(form: RecordingForm) -> AsyncIterator[SubmitDonationRequest]:
    """The requests that follow the config. The metadata comes last, after the check that no part is missing."""
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
