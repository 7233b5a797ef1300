"""The life cycle of an edge: listen, serve, drain, stop."""

import asyncio
import logging
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager

import structlog
import uvicorn
from prometheus_client import CollectorRegistry
from starlette.types import ASGIApp

from edge.http.app import create_app
from edge.http.connections import HttpConnection, WebSocketConnection
from edge.settings import EdgeSettings
from mesh.discovery.search import Replicas
from mesh.process.drain import LiveCalls, until_drained
from mesh.process.http_server import http_served, listening
from mesh.process.lag import Overload
from mesh.process.platform import can_share_ports, limit_unread
from mesh.process.ports import authority
from mesh.process.run import CannotStart
from mesh.tasks import first_of

log = structlog.get_logger()

MAX_MESSAGE_BYTES = 1 << 20
"""The longest message a client may send; a longer one is answered by close code 1009. A second of Opus has 4 kB."""

_PING_EVERY_S = 20.0
"""How often a client is sent a ping."""

_PONG_LIMIT_S = 45.0
"""How long it may take to answer. After that its session ends (1011). A session survives a network outage of 30 s."""

_UNREAD_LIMIT_MS = 45_000
"""How long sent bytes may stay unacknowledged before the socket is closed. The session of a client that does not read
ends sooner."""

_FAREWELL_LIMIT_S = 2.0
"""How long sessions may take to send their clients the reason when the edge stops."""

_SHUTDOWN_LIMIT_S = 5
"""How long connections may take to close after that, in whole seconds."""


class EdgeServer:
    """An edge that listens. `port` is the one it listens on, even where the settings left the choice open."""

    def __init__(self, server: uvicorn.Server, sessions: LiveCalls, host: str, port: int) -> None:
        self._host = host
        self.port = port
        self._server = server
        self._sessions = sessions

    async def until_drained(self, limit_s: float) -> None:
        """Serve until SIGTERM or SIGINT; then until the last session is over, at most until the limit or a signal."""
        await until_drained(
            self._sessions, self.refuse_sessions, limit_s=limit_s, address=authority(self._host, self.port)
        )

    async def refuse_sessions(self) -> None:
        """Stop listening, so that new clients find another edge; one that is already connected is answered 503."""
        self._sessions.draining.set()
        for listener in self._server.servers:
            listener.close()


@asynccontextmanager
async def serving(settings: EdgeSettings, *, registry: CollectorRegistry) -> AsyncIterator[EdgeServer]:
    """Run an edge meanwhile. Leaving closes what is still open (1012). Raises `PortTaken`, and `BadTarget`."""
    sessions, stopping, overload = LiveCalls(), asyncio.Event(), Overload(settings.overload_lag_s)
    app = create_app(
        settings,
        orchestrators=Replicas("orchestrator", settings.orchestrator_target),
        voices=Replicas("voice service", settings.voices_target),
        registry=registry,
        sessions=sessions,
        stopping=stopping,
        overload=overload,
    )
    config = server_config(app)
    with _listen(settings) as listener, _quiet_about_clients(), overload.watched():
        async with http_served(config, listener) as server:
            try:
                yield EdgeServer(server, sessions, *listener.getsockname()[:2])
            finally:
                stopping.set()
                await first_of(sessions.none_left, within=_FAREWELL_LIMIT_S)


def server_config(app: ASGIApp) -> uvicorn.Config:
    """How any application is served here: the HTTP and WebSocket servers, with their limits."""
    return uvicorn.Config(
        app,
        http=HttpConnection,
        ws=WebSocketConnection,
        ws_max_size=MAX_MESSAGE_BYTES,
        ws_ping_interval=_PING_EVERY_S,
        ws_ping_timeout=_PONG_LIMIT_S,
        # Opus does not get smaller, and trying costs milliseconds.
        ws_per_message_deflate=False,
        log_config=None,
        log_level="warning",
        access_log=False,
        server_header=False,
        # The application knows which proxies to believe.
        proxy_headers=False,
        lifespan="on",
        timeout_graceful_shutdown=_SHUTDOWN_LIMIT_S,
    )


@contextmanager
def _quiet_about_clients() -> Iterator[None]:
    """Keep text that is no UTF-8 out of the log: uvicorn logs it as an error with a trace, and closes with 1007.

    The session logs the close, like that of any client.
    """

    def is_ours(record: logging.LogRecord) -> bool:
        return not record.msg.startswith("Invalid UTF-8 sequence")

    logger = logging.getLogger("uvicorn.error")
    logger.addFilter(is_ours)
    try:
        yield
    finally:
        logger.removeFilter(is_ours)


def _listen(settings: EdgeSettings) -> socket.socket:
    """A socket bound as the settings say. Raises `PortTaken`, and `CannotStart` for what this system cannot do."""
    if settings.share_port and not can_share_ports():
        raise CannotStart(
            "edges cannot share a port on this system: it would give every connection to one of them",
            remedy="unset PARLEY_EDGE_SHARE_PORT, and put a proxy in front of edges on several ports",
        )
    listener = listening(settings.host, settings.port, share_port=settings.share_port)
    # Connections inherit it. Uvicorn would flush for ever, towards a client that neither reads nor leaves.
    limit_unread(listener, _UNREAD_LIMIT_MS)
    return listener
