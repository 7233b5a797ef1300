"""`VoiceService`: answers from the catalogue, makes custom voices, and takes donated ones."""

from collections.abc import AsyncIterator

import grpc

from mesh.errors import VoiceNotFound
from mesh.rpc.streams import first_request
from mesh.rpc.uploads import ADMITTED
from mesh.upload_slots import UploadSlots
from parley.voices.v1.voices_pb2 import (
    CreateVoiceRequest,
    CreateVoiceResponse,
    GetVoiceEmbeddingRequest,
    GetVoiceEmbeddingResponse,
    GetVoiceRequest,
    GetVoiceResponse,
    GetVoiceSampleRequest,
    GetVoiceSampleResponse,
    ListVoicesRequest,
    ListVoicesResponse,
    StartDonationRequest,
    StartDonationResponse,
    SubmitDonationRequest,
    SubmitDonationResponse,
)
from parley.voices.v1.voices_pb2_grpc import VoiceServiceServicer
from voice_service.catalogue import Catalogue
from voice_service.cloning import PREFIX, Cloning
from voice_service.donations.taking import Donations
from voice_service.synthesis import Synthesis
from voice_service.uploads import check_size, received


class VoicesServicer(VoiceServiceServicer):
    """Serves `VoiceService`."""

    def __init__(
        self, catalogue: Catalogue, synthesis: Synthesis, cloning: Cloning, donations: Donations, uploads: UploadSlots
    ) -> None:
        self._catalogue = catalogue
        self._synthesis = synthesis
        self._cloning = cloning
        self._donations = donations
        self._uploads = uploads

    async def ListVoices(  # noqa: N802 - the contract's name
        self, _request: ListVoicesRequest, _context: grpc.aio.ServicerContext[ListVoicesRequest, ListVoicesResponse]
    ) -> ListVoicesResponse:
        """The voices that are offered."""
        return ListVoicesResponse(voices=await self._synthesis.offered(self._catalogue))

    async def GetVoice(  # noqa: N802 - the contract's name
        self, request: GetVoiceRequest, _context: grpc.aio.ServicerContext[GetVoiceRequest, GetVoiceResponse]
    ) -> GetVoiceResponse:
        """One voice, offered or not. Raises `VoiceNotFound`, and `UpstreamDown` for a custom one."""
        if request.voice_id.startswith(PREFIX):
            return GetVoiceResponse(voice=await self._cloning.find(request.voice_id))
        return GetVoiceResponse(voice=self._catalogue.find(request.voice_id))

    async def GetVoiceSample(  # noqa: N802 - the contract's name
        self,
        request: GetVoiceSampleRequest,
        _context: grpc.aio.ServicerContext[GetVoiceSampleRequest, GetVoiceSampleResponse],
    ) -> GetVoiceSampleResponse:
        """What an offered voice sounds like. Raises `VoiceNotFound`, `AtCapacity` and `UpstreamDown`."""
        for voice in await self._synthesis.offered(self._catalogue):
            if voice.voice_id == request.voice_id:
                return GetVoiceSampleResponse(wav=await self._synthesis.sample(voice))
        raise VoiceNotFound(f"there is no voice {request.voice_id!r} to hear", field="voice_id")

    async def GetVoiceEmbedding(  # noqa: N802 - the contract's name
        self,
        request: GetVoiceEmbeddingRequest,
        _context: grpc.aio.ServicerContext[GetVoiceEmbeddingRequest, GetVoiceEmbeddingResponse],
    ) -> GetVoiceEmbeddingResponse:
        """What it takes to speak with a custom voice. Raises `VoiceNotFound` and `UpstreamDown`."""
        return await self._cloning.embedding(request.voice_id)

    async def CreateVoice(  # noqa: N802 - the contract's name
        self,
        requests: AsyncIterator[CreateVoiceRequest],
        context: grpc.aio.ServicerContext[CreateVoiceRequest, CreateVoiceResponse],
    ) -> CreateVoiceResponse:
        """Make a voice of a recording; the response headers say that it is admitted."""
        config = (await first_request(requests)).config
        check_size(config.total_bytes, field="config.total_bytes")
        with self._uploads.one_more() as arrival:
            await context.send_initial_metadata(ADMITTED)
            return CreateVoiceResponse(voice=await self._cloning.create(await received(requests, arrival)))

    async def StartDonation(  # noqa: N802 - the contract's name
        self,
        _request: StartDonationRequest,
        _context: grpc.aio.ServicerContext[StartDonationRequest, StartDonationResponse],
    ) -> StartDonationResponse:
        """Give somebody a text to read. Raises `NotOffered` and `UpstreamDown`."""
        return await self._donations.start()

    async def SubmitDonation(  # noqa: N802 - the contract's name
        self,
        requests: AsyncIterator[SubmitDonationRequest],
        context: grpc.aio.ServicerContext[SubmitDonationRequest, SubmitDonationResponse],
    ) -> SubmitDonationResponse:
        """Keep a recording of it; the response headers say that it is admitted."""
        config = (await first_request(requests)).config
        self._donations.check_offered()
        check_size(config.total_bytes, field="config.total_bytes")
        with self._uploads.one_more() as arrival:
            await context.send_initial_metadata(ADMITTED)
            await self._donations.submit(requests, arrival)
            return SubmitDonationResponse()
