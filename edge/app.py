"""The edge as an ASGI application."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import PlainTextResponse
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from edge.dialects import Dialect
from edge.dialects.converse import ConverseDialect
from edge.dialects.unmute import UnmuteDialect
from edge.health import MeshHealth
from edge.metrics import EdgeMetrics, HttpMetrics
from edge.realtime import RealtimeSession
from edge.rest import Rest, on_bug, on_http_error, on_mesh_error
from edge.settings import EdgeSettings
from mesh.discovery import Replicas
from mesh.errors import Draining, MeshError
from mesh.interceptor import LiveCalls
from mesh.tasks import beside


def create_app(
    settings: EdgeSettings,
    *,
    orchestrators: Replicas,
    voices: Replicas,
    registry: CollectorRegistry,
    sessions: LiveCalls,
) -> Starlette:
    """The application, which closes its channels when it ends.

    `registry` is where its metrics go; `sessions` counts the sessions that are going on, and refuses more of them with
    503 once it is draining.
    """
    metrics = EdgeMetrics(registry)
    health = MeshHealth(orchestrators, voices)
    rest = Rest(voices, settings.uploads, health, metrics, registry)

    def sessions_in(
        dialect: Callable[[], Dialect], required: MeshHealth | None = None
    ) -> Callable[[WebSocket], Awaitable[None]]:
        async def session(websocket: WebSocket) -> None:
            try:
                with sessions.one_more():
                    await RealtimeSession(websocket, dialect(), orchestrators, metrics, required).run()
            except Draining as draining:
                await websocket.send_denial_response(PlainTextResponse(draining.message, status_code=503))

        return session

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        async with orchestrators, voices, beside(health.follow()):
            yield

    return Starlette(
        routes=[
            *rest.routes(),
            WebSocketRoute("/v1/realtime", sessions_in(UnmuteDialect, health)),
            WebSocketRoute("/v1/converse", sessions_in(ConverseDialect)),
        ],
        middleware=[
            Middleware(
                CORSMiddleware,
                allow_origins=settings.cors_origins,
                allow_credentials=True,
                allow_methods=["*"],
                allow_headers=["*"],
            ),
            Middleware(HttpMetrics, registry=registry),
        ],
        exception_handlers={HTTPException: on_http_error, MeshError: on_mesh_error, Exception: on_bug},
        lifespan=lifespan,
    )
