"""The edge as an ASGI application."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from http import HTTPStatus

import structlog
from prometheus_client import CollectorRegistry
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.middleware.cors import CORSMiddleware
from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket

from edge.access.admission import AdmissionGate, OriginCheck, PerAddressLimit, RefusalReason, Refused, overload_refusal
from edge.access.openings import Openings
from edge.access.origins import Origins
from edge.access.proxies import TrustedProxies
from edge.access.quota import DailyQuota
from edge.dialects import DialectFactory
from edge.dialects.converse import ConverseDialect
from edge.dialects.unmute import UnmuteDialect
from edge.health import MeshHealth
from edge.http.rest import Rest, on_bug, on_http_error, on_mesh_error, on_refusal
from edge.http.uploads import Uploads
from edge.http.voice_uploads import VoiceUploadRoutes
from edge.metrics import EdgeMetrics, HttpMetrics
from edge.session.client import ClientSession
from edge.session.resume_tokens import checkpoint_store
from edge.settings import EdgeSettings
from mesh.discovery.search import Replicas
from mesh.errors import AtCapacity, MeshError
from mesh.process.drain import LiveCalls
from mesh.process.lag import Overload
from mesh.tasks import beside

log = structlog.get_logger()


def create_app(
    settings: EdgeSettings,
    *,
    orchestrators: Replicas,
    voices: Replicas,
    registry: CollectorRegistry,
    sessions: LiveCalls,
    stopping: asyncio.Event,
    overload: Overload,
) -> CORSMiddleware:
    """The application, which closes its channels when it ends.

    `registry` is where its metrics go; `sessions` counts the sessions that are going on, and refuses more of them with
    503 once it is draining. `stopping` ends those that are left. While `overload` lasts, new ones get 503, too.
    """
    metrics = EdgeMetrics(registry)
    health = MeshHealth(orchestrators, voices, checked=lambda report: metrics.observe_health(ok=report.ok))
    origins = OriginCheck(Origins([*settings.cors_origins, *settings.websocket_origins]))
    checkpoints = checkpoint_store(settings.redis_url)
    gate = AdmissionGate(origins, PerAddressLimit(settings.sessions_per_address), sessions, overload)
    openings = Openings()

    def websocket_endpoint(
        dialect: DialectFactory, health: MeshHealth | None = None
    ) -> Callable[[WebSocket], Awaitable[None]]:
        async def serve(websocket: WebSocket) -> None:
            try:
                with gate.admit(websocket):
                    session = ClientSession(
                        websocket,
                        dialect,
                        orchestrators,
                        metrics,
                        stopping=stopping,
                        draining=sessions.draining,
                        checkpoints=checkpoints,
                        openings=openings,
                        health=health,
                    )
                    await session.run()
            except Refused as refused:
                await refuse(websocket, refused)
            except AtCapacity as full:
                await refuse(websocket, overload_refusal(full))

        return serve

    async def refuse(websocket: WebSocket, refused: Refused) -> None:
        """Count a refusal, log it, and answer the handshake. No log line names the client's address."""
        metrics.count_refusal(refused.reason)
        # ORIGIN was logged by `OriginCheck`. NOT_FOUND is not logged: scanners would fill the log.
        if refused.reason in (RefusalReason.ADDRESS_LIMIT, RefusalReason.DRAINING, RefusalReason.OVERLOAD):
            log.info("refused a conversation", reason=refused.reason.value, path=websocket.url.path)
        await websocket.send_denial_response(refused.response())

    async def no_session(websocket: WebSocket) -> None:
        await refuse(websocket, Refused(RefusalReason.NOT_FOUND, HTTPStatus.NOT_FOUND, "Not Found"))

    conversations = {
        "/v1/converse": websocket_endpoint(lambda _queue: ConverseDialect()),
        "/v1/realtime": websocket_endpoint(UnmuteDialect, health),
    }
    recordings = VoiceUploadRoutes(
        voices,
        Uploads(settings.uploads, settings.uploads_per_address),
        origins,
        DailyQuota(settings.donations_per_address_per_day),
    )
    rest = Rest(voices, recordings, health, registry, websocket_paths=tuple(conversations))

    @asynccontextmanager
    async def lifespan(_app: Starlette) -> AsyncIterator[None]:
        try:
            async with orchestrators, voices, beside(health.follow()):
                yield
        finally:
            await checkpoints.close()

    app = Starlette(
        routes=[
            *rest.routes(),
            *(WebSocketRoute(path, session) for path, session in conversations.items()),
            WebSocketRoute("/{path:path}", no_session),
        ],
        middleware=[
            Middleware(TrustedProxies, trusted=settings.trusted_proxies),
            Middleware(HttpMetrics, registry=registry),
        ],
        exception_handlers={
            HTTPException: on_http_error,
            Refused: on_refusal,
            MeshError: on_mesh_error,
            Exception: on_bug,
        },
        lifespan=lifespan,
    )
    # A redirection would name the scheme and path that a proxy in front has changed.
    app.router.redirect_slashes = False
    # CORS wraps the app: Starlette's answer to a bug bypasses the middleware, and without these headers a page could
    # not read it.
    return CORSMiddleware(
        app,
        allow_origins=settings.cors_origins,
        allow_credentials=True,
        allow_methods=["*"],
        allow_headers=["*"],
        expose_headers=["Retry-After"],
    )
