"""The routes over plain HTTP."""

import math
from typing import Any

import msgspec
from grpc.aio import Channel, UnaryUnaryMultiCallable
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from edge.dialects.unmute.voices import listed
from edge.health import MeshHealth
from edge.voice_upload import VoiceUpload
from edge.webpage import WebPage, wants_page
from mesh.discovery import Replicas, ask
from mesh.errors import MeshError
from parley.voices.v1.voices_pb2 import ListVoicesRequest, ListVoicesResponse
from parley.voices.v1.voices_pb2_grpc import VoiceServiceStub


class Rest:
    """Answers plain HTTP requests."""

    def __init__(self, voices: Replicas, uploads: int, health: MeshHealth, registry: CollectorRegistry) -> None:
        self._voices = voices
        self._upload = VoiceUpload(voices, uploads)
        self._health = health
        self._registry = registry
        self._page = WebPage()

    def routes(self) -> list[Route]:
        """All of its routes."""
        return [
            Route("/", self.front),
            self._page.route(),
            Route("/v1/health", self.health),
            Route("/v1/voices", self.voices),
            Route("/v1/voices", self._upload.create, methods=["POST"]),
            Route("/metrics", self.metrics),
        ]

    async def front(self, request: Request) -> Response:
        """Give browsers the page, and tell everybody else what this is."""
        if wants_page(request.headers):
            response = await self._page.index(request)
        else:
            response = JSONResponse({"message": "This is Parley. Talk to it at /v1/converse or /v1/realtime."})
        response.headers.add_vary_header("Accept")
        return response

    async def health(self, _request: Request) -> Response:
        """Tell what a conversation would find. Always 200: the body says how things are."""
        return _json(await self._health.report())

    async def voices(self, _request: Request) -> Response:
        """List the voices that people may choose, in the catalogue's order."""
        catalogue = await ask(self._voices, _list_voices, ListVoicesRequest())
        return _json([listed(voice) for voice in catalogue.voices])

    async def metrics(self, request: Request) -> Response:
        """Tell Prometheus."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._registry), headers={"content-type": content_type})


async def on_mesh_error(_request: Request, error: Exception) -> Response:
    """Answer a request for which another service is missing."""
    if not isinstance(error, MeshError):
        raise error
    headers = {} if error.retry_after is None else {"retry-after": str(math.ceil(error.retry_after))}
    return JSONResponse({"detail": error.message}, status_code=503, headers=headers)


async def on_http_error(_request: Request, error: Exception) -> Response:
    """Answer a request that cannot be honoured as it is."""
    if not isinstance(error, HTTPException):
        raise error
    return JSONResponse({"detail": error.detail}, status_code=error.status_code, headers=error.headers)


async def on_bug(_request: Request, _error: Exception) -> Response:
    """Answer a request that met a bug: with nothing that tells of it. Starlette raises it on, into the log."""
    return JSONResponse({"detail": "Internal server error"}, status_code=500)


def _list_voices(channel: Channel) -> "UnaryUnaryMultiCallable[ListVoicesRequest, ListVoicesResponse]":
    return VoiceServiceStub(channel).ListVoices


def _json(body: Any) -> Response:
    return Response(msgspec.json.encode(body), media_type="application/json")
