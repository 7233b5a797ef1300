"""What Prometheus is told about sessions, under Unmute's names, and about HTTP requests, under the customary ones."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from mesh.errors import AtCapacity, MeshError

_SESSION_BUCKETS_S = (1, 10, 30, 60, 120, 240, 480, 960, 1920)


class EdgeMetrics:
    """The counts of one edge."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sessions = Counter("worker_sessions", "Sessions that have begun.", registry=registry)
        self._active = Gauge("worker_active_sessions", "Sessions that are going on.", registry=registry)
        self._duration = Histogram(
            "worker_session_duration",
            "How long sessions last, in seconds.",
            buckets=_SESSION_BUCKETS_S,
            registry=registry,
        )
        self._misses = Counter(
            "worker_fatal_service_misses", "Sessions refused because something was full.", registry=registry
        )
        self._errors = Counter("worker_hard_errors", "Sessions that ended in another error.", registry=registry)
        self._health = Summary(
            "worker_health_ok", "1 for each good answer about health, 0 for others.", registry=registry
        )

    @contextmanager
    def session(self) -> Iterator[None]:
        """Count one session while it lasts."""
        started = time.monotonic()
        self._sessions.inc()
        with self._active.track_inprogress():
            try:
                yield
            finally:
                self._duration.observe(time.monotonic() - started)

    def failed(self, error: MeshError) -> None:
        """Count a session that could not begin, or could not go on."""
        (self._misses if isinstance(error, AtCapacity) else self._errors).inc()

    def health_checked(self, *, ok: bool) -> None:
        """Count an answer about health."""
        self._health.observe(ok)


class HttpMetrics:
    """ASGI middleware that counts and times HTTP requests, by route. Unknown paths share one label: "none"."""

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._requests = Counter(
            "http_requests", "HTTP requests answered.", ("handler", "method", "status"), registry=registry
        )
        self._duration = Histogram(
            "http_request_duration_seconds", "How long answers take.", ("handler", "method"), registry=registry
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. WebSockets pass uncounted: they are sessions."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        status = 500

        async def note_status(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
            await send(message)

        try:
            await self._app(scope, receive, note_status)
        finally:
            handler = getattr(scope.get("route"), "path", "none")
            self._requests.labels(handler, scope["method"], f"{status // 100}xx").inc()
            self._duration.labels(handler, scope["method"]).observe(time.monotonic() - started)
