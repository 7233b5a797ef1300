"""Metrics of sessions, under Unmute's names, and of HTTP requests, under those of FastAPI's instrumentator."""

import time
from collections.abc import Iterator
from contextlib import contextmanager

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, Summary
from starlette.datastructures import Headers
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from edge.access.admission import RefusalReason
from edge.session.stream import ResumeCause
from mesh.errors import AtCapacity, Draining, Idle, InvalidRequest, MeshError, UpstreamDown

_SESSION_BUCKETS_S = (1, 10, 30, 60, 120, 240, 480, 960, 1920)

# The customary buckets of FastAPI's instrumentator, whose dashboards fit. Few where there are labels, many where not.
_ROUGH_BUCKETS_S = (0.1, 0.5, 1)
_FINE_BUCKETS_S = (0.01, 0.025, 0.05, 0.075, 0.1, 0.25, 0.5, 0.75, 1, 1.5, 2, 2.5, 3, 3.5, 4, 4.5, 5, 7.5, 10, 30, 60)

_METHODS = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})


class EdgeMetrics:
    """The counts of one edge."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._sessions = Counter("worker_sessions", "Sessions started.", registry=registry)
        self._active = Gauge("worker_active_sessions", "Sessions in progress.", registry=registry)
        self._duration = Histogram(
            "worker_session_duration",
            "Duration of sessions, in seconds.",
            buckets=_SESSION_BUCKETS_S,
            registry=registry,
        )
        self._disconnects = Counter(
            "worker_force_disconnects", "Connections that the edge closed because of an error.", registry=registry
        )
        self._misses = Counter(
            "worker_fatal_service_misses",
            "Sessions that failed because a service was full or unreachable.",
            registry=registry,
        )
        self._errors = Counter(
            "worker_hard_errors",
            "Sessions that failed with another error that the client did not cause.",
            registry=registry,
        )
        self._refusals = Counter(
            "parley_edge_refusals",
            "WebSocket handshakes that the edge refused, and why: origin, address_limit, draining, overload, "
            "not_found.",
            ("reason",),
            registry=registry,
        )
        for reason in RefusalReason:
            self._refusals.labels(reason.value)
        self._resumptions = Counter(
            "parley_edge_resumptions",
            "Conversations that went on at another orchestrator or on another connection, and why: "
            "orchestrator_lost, orchestrator_stops, client_returned.",
            ("cause",),
            registry=registry,
        )
        for cause in ResumeCause:
            self._resumptions.labels(cause.value)
        self._health = Summary(
            "worker_health_ok",
            "Health checks of the mesh: 1 if everything that a conversation needs was up, else 0.",
            registry=registry,
        )

    @contextmanager
    def session(self) -> Iterator[None]:
        """Count and time the session that the block is."""
        started = time.monotonic()
        self._sessions.inc()
        with self._active.track_inprogress():
            try:
                yield
            finally:
                self._duration.observe(time.monotonic() - started)

    def count_failure(self, error: MeshError) -> None:
        """Count a session that could not begin, or could not go on.

        A mistake of the client's is not counted, nor is the end of the edge.
        """
        # One that names nothing that is missing is a conversation that broke off.
        missing = isinstance(error, UpstreamDown) and (error.service is not None or error.reason == "UNHEALTHY")
        if isinstance(error, AtCapacity) or missing:
            self._misses.inc()
        elif not isinstance(error, InvalidRequest | Idle | Draining):
            self._errors.inc()

    def count_refusal(self, reason: RefusalReason) -> None:
        """Count a handshake that was refused."""
        self._refusals.labels(reason.value).inc()

    def count_resumption(self, cause: ResumeCause) -> None:
        """Count a conversation that goes on elsewhere."""
        self._resumptions.labels(cause.value).inc()

    def count_disconnect(self) -> None:
        """Count a connection that was closed because of an error."""
        self._disconnects.inc()

    def observe_health(self, *, ok: bool) -> None:
        """Count a check of the mesh's health."""
        self._health.observe(ok)


class HttpMetrics:
    """ASGI middleware that counts and times HTTP requests and sums their sizes, by route.

    However many paths and methods clients make up, there is one label for them: the handler "none", the method "other".
    """

    def __init__(self, app: ASGIApp, registry: CollectorRegistry) -> None:
        self._app = app
        self._requests = Counter(
            "http_requests", "HTTP requests answered.", ("handler", "method", "status"), registry=registry
        )
        self._request_size = Summary(
            "http_request_size_bytes", "Content-Length of requests; 0 without.", ("handler",), registry=registry
        )
        self._response_size = Summary(
            "http_response_size_bytes", "Content-Length of answers; 0 without.", ("handler",), registry=registry
        )
        self._fine_duration = Histogram(
            "http_request_duration_highr_seconds",
            "Time to answer a request, all routes together.",
            buckets=_FINE_BUCKETS_S,
            registry=registry,
        )
        self._duration = Histogram(
            "http_request_duration_seconds",
            "Time to answer a request.",
            ("handler", "method"),
            buckets=_ROUGH_BUCKETS_S,
            registry=registry,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request. WebSockets pass uncounted: they are sessions."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        started = time.monotonic()
        answer: Message = {"status": 500, "headers": []}

        async def note_answer(message: Message) -> None:
            nonlocal answer
            if message["type"] == "http.response.start":
                answer = message
            await send(message)

        try:
            await self._app(scope, receive, note_answer)
        finally:
            self._observe(scope, answer, time.monotonic() - started)

    def _observe(self, scope: Scope, answer: Message, seconds: float) -> None:
        handler = getattr(scope.get("route"), "path", "none")
        method = scope["method"] if scope["method"] in _METHODS else "other"
        self._requests.labels(handler, method, f"{answer['status'] // 100}xx").inc()
        self._request_size.labels(handler).observe(_content_length(scope["headers"]))
        self._response_size.labels(handler).observe(_content_length(answer["headers"]))
        self._fine_duration.observe(seconds)
        self._duration.labels(handler, method).observe(seconds)


def _content_length(raw: list[tuple[bytes, bytes]]) -> int:
    length = Headers(raw=raw).get("content-length", "")
    return int(length) if length.isdecimal() else 0
