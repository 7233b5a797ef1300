"""The routes over plain HTTP."""

import math
from collections.abc import Iterator, Mapping, Sequence
from http import HTTPStatus
from typing import Any

import msgspec
from grpc.aio import Channel, UnaryUnaryMultiCallable
from prometheus_client import CollectorRegistry
from prometheus_client.exposition import choose_encoder
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import BaseRoute, Match, Route

from edge.access.admission import Refused
from edge.dialects.unmute.rest import ListedVoice, listed
from edge.health import HealthReport, MeshHealth
from edge.http.openapi import JSON, Detail, described, operation
from edge.http.voice_uploads import VoiceUploadRoutes
from edge.http.webpage import WebPage, wants_page
from mesh.discovery.search import Limits, Replicas, ask
from mesh.errors import MeshError, VoiceNotFound
from parley.voices.v1.voices_pb2 import (
    GetVoiceSampleRequest,
    GetVoiceSampleResponse,
    ListVoicesRequest,
    ListVoicesResponse,
)
from parley.voices.v1.voices_pb2_grpc import VoiceServiceStub

SAMPLES = Limits(one_try=22.0, search=23.0)
"""A sample is made while the caller waits. The voice service gives up after 20 s."""


class Banner(msgspec.Struct, frozen=True):
    """What this is."""

    message: str


class Rest:
    """Answers plain HTTP requests."""

    def __init__(
        self,
        voices: Replicas,
        recordings: VoiceUploadRoutes,
        health: MeshHealth,
        registry: CollectorRegistry,
        *,
        websocket_paths: Sequence[str],
    ) -> None:
        self._voices = voices
        self._recordings = recordings
        self._websocket_paths = websocket_paths
        self._health = health
        self._registry = registry
        self._page = WebPage()
        self._description = described(self.routes())

    def routes(self) -> list[Route]:
        """All of its routes."""
        return [
            Route("/", self.front),
            self._page.route(),
            Route("/openapi.json", self.openapi),
            *(Route(path, self.upgrade, methods=["GET"]) for path in self._websocket_paths),
            Route("/v1/health", self.health),
            Route("/v1/voices", self.voices),
            Route("/v1/voices/{voice_id:path}/sample", self.sample),
            Route("/v1/voices", self._recordings.create_voice, methods=["POST"]),
            Route("/v1/voice-donation", self._recordings.start_donation),
            Route("/v1/voice-donation", self._recordings.submit_donation, methods=["POST"]),
            Route("/metrics", self.metrics),
        ]

    @operation({JSON: Banner, "text/html": str}, {304: "the page has not changed"})
    async def front(self, request: Request) -> Response:
        """Send browsers the page, and all other clients a description of the server."""
        if wants_page(request.headers):
            response = await self._page.index(request)
        else:
            response = _json(Banner(f"This is Parley. Talk to it at {' or '.join(self._websocket_paths)}."))
        response.headers.add_vary_header("Accept")
        return response

    @operation({JSON: dict[str, Any]})
    async def openapi(self, _request: Request) -> Response:
        """Describe these routes: the OpenAPI document that this is a part of."""
        return _json(self._description)

    @operation(
        {},
        {
            101: "a conversation, as docs/websocket.md describes it",
            403: "the page is of an origin that may not open one",
            426: "the request asks for no WebSocket",
            429: "the address holds as many conversations as it may",
            503: "this edge is overloaded, or about to stop",
        },
    )
    async def upgrade(self, _request: Request) -> Response:
        """Hold a conversation, over a WebSocket."""
        headers = {"upgrade": "websocket", "connection": "upgrade"}
        return _json(Detail("conversations are held over a WebSocket"), status_code=426, headers=headers)

    @operation({JSON: HealthReport})
    async def health(self, _request: Request) -> Response:
        """Tell what a conversation would find. Always 200: the body says how things are."""
        return _json(await self._health.report())

    @operation({JSON: list[ListedVoice]}, {503: "no voice service can be reached just now"})
    async def voices(self, _request: Request) -> Response:
        """List the voices that people may choose, in the catalogue's order."""
        catalogue = await ask(self._voices, _list_voices, ListVoicesRequest())
        return _json([listed(voice) for voice in catalogue.voices])

    @operation(
        {"audio/wav": bytes},
        {404: "the voice is not offered", 503: "no sample can be made just now"},
    )
    async def sample(self, request: Request) -> Response:
        """Let a voice be heard: one sentence in its language, as a WAV file."""
        wanted = GetVoiceSampleRequest(voice_id=request.path_params["voice_id"])
        try:
            sample = await ask(self._voices, _voice_sample, wanted, SAMPLES)
        except VoiceNotFound as error:
            raise HTTPException(404, error.message) from None
        return Response(sample.wav, headers={"cache-control": "max-age=3600"}, media_type="audio/wav")

    @operation({"text/plain": str, "application/openmetrics-text": str})
    async def metrics(self, request: Request) -> Response:
        """Return the metrics for Prometheus."""
        encode, content_type = choose_encoder(request.headers.get("accept", ""))
        return Response(encode(self._registry), headers={"content-type": content_type})


async def on_mesh_error(_request: Request, error: Exception) -> Response:
    """Answer a request for which another service is missing."""
    if not isinstance(error, MeshError):
        raise error
    headers = {} if error.retry_after is None else {"retry-after": str(math.ceil(error.retry_after))}
    return _json(Detail(error.message), status_code=503, headers=headers)


async def on_refusal(_request: Request, error: Exception) -> Response:
    """Answer a client that is not let in."""
    if not isinstance(error, Refused):
        raise error
    return error.response()


async def on_http_error(request: Request, error: Exception) -> Response:
    """Answer a request that cannot be honoured as it is."""
    if not isinstance(error, HTTPException):
        raise error
    response = _json(Detail(error.detail), error.status_code, error.headers)
    if error.status_code == HTTPStatus.METHOD_NOT_ALLOWED:
        response.headers["allow"] = ", ".join(sorted(_methods(request)))
    return response


async def on_bug(_request: Request, _error: Exception) -> Response:
    """Answer a request that met a bug, without details. Starlette raises it on, into the log."""
    return _json(Detail("Internal server error"), status_code=500)


def _list_voices(channel: Channel) -> "UnaryUnaryMultiCallable[ListVoicesRequest, ListVoicesResponse]":
    return VoiceServiceStub(channel).ListVoices


def _voice_sample(channel: Channel) -> "UnaryUnaryMultiCallable[GetVoiceSampleRequest, GetVoiceSampleResponse]":
    return VoiceServiceStub(channel).GetVoiceSample


def _methods(request: Request) -> Iterator[str]:
    """What may be asked of this path, of every route that it has; Starlette names those of the first."""
    routes: list[BaseRoute] = request.app.routes
    for route in routes:
        if isinstance(route, Route) and route.matches(request.scope)[0] is not Match.NONE:
            yield from route.methods or ()


def _json(body: Any, status_code: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    return Response(msgspec.json.encode(body), status_code, headers, media_type=JSON)
