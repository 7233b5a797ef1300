"""`VoiceService`: answers from the catalogue."""

import grpc

from parley.voices.v1.voices_pb2 import GetVoiceRequest, GetVoiceResponse, ListVoicesRequest, ListVoicesResponse
from parley.voices.v1.voices_pb2_grpc import VoiceServiceServicer
from voice_service.catalogue import Catalogue


class VoicesServicer(VoiceServiceServicer):
    """Serves `ListVoices` and `GetVoice`."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue

    async def ListVoices(  # noqa: N802 - the contract's name
        self, _request: ListVoicesRequest, _context: grpc.aio.ServicerContext[ListVoicesRequest, ListVoicesResponse]
    ) -> ListVoicesResponse:
        """The voices that are offered."""
        return ListVoicesResponse(voices=self._catalogue.offered)

    async def GetVoice(  # noqa: N802 - the contract's name
        self, request: GetVoiceRequest, _context: grpc.aio.ServicerContext[GetVoiceRequest, GetVoiceResponse]
    ) -> GetVoiceResponse:
        """One voice, offered or not. Raises `VoiceNotFound`."""
        return GetVoiceResponse(voice=self._catalogue.find(request.voice_id))
