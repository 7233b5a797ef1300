"""Streams on the server's side: their requests, their responses, and how long a peer may leave either waiting.

gRPC reports a half-close, a cancellation, an expired deadline and a lost peer to a handler in the same way: no more
requests come.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Protocol, TypeVar

from google.protobuf.message import Message
from prometheus_client import CollectorRegistry, Counter, Gauge

from mesh.errors import AtCapacity, ConfigRequired, Idle, InvalidRequest, UpstreamDown
from mesh.limits import RepeatedLimit
from mesh.tasks import beside
from mesh.times import loop_time

Req = TypeVar("Req", bound=Message)
Req_contra = TypeVar("Req_contra", bound=Message, contravariant=True)
Resp_co = TypeVar("Resp_co", bound=Message, covariant=True)
Resp = TypeVar("Resp", bound=Message)

FIRST_REQUEST_LIMIT_S = 5.0
"""How long a peer may hold a stream open before it says what it wants."""


async def first_request(
    requests: AsyncIterator[Req], field: str = "config", within: float = FIRST_REQUEST_LIMIT_S
) -> Req:
    """The first request, whose member `field` is set.

    Raises `ConfigRequired` if another member is, or if there is no request, and `Idle` after `within` seconds.
    """
    try:
        async with asyncio.timeout(within):
            request = await anext(requests, None)
    except TimeoutError:
        raise Idle(f"no request within {within:g} s") from None
    if request is None or not request.HasField(field):
        raise ConfigRequired(f"the first request must be {field}", field=field)
    return request


async def before_idle(requests: AsyncIterator[Req], limit: float) -> AsyncIterator[Req]:
    """The requests, until they end. Raises `Idle` when the peer is silent for `limit` seconds."""
    idle_limit = RepeatedLimit(limit)
    try:
        while True:
            try:
                with idle_limit:
                    request = await anext(requests, None)
            except TimeoutError:
                raise Idle(f"no request for {limit:g} s") from None
            if request is None:
                return
            yield request
    finally:
        idle_limit.close()


class EngineStream(Protocol[Req_contra, Resp_co]):
    """What a service does with one admitted stream. Requests are a oneof `request` with `config` and `finish`."""

    async def take(self, request: Req_contra) -> None:
        """Do what a request says that is neither config nor finish."""

    async def finish(self) -> None:
        """No more requests come: what is left is to be sent."""

    async def answer(self, send: Callable[[Resp_co], Awaitable[None]]) -> None:
        """Send all responses, while requests come in. It returns when everything is sent."""


@dataclass(frozen=True, slots=True)
class StreamLimits:
    """How long a stream waits for its peer."""

    idle_s: float
    """Seconds without a request."""
    stall_s: float
    """Seconds in which a response is not read."""
    unread: str
    """The subject and verb of the error for an unread response: "the events were"."""


async def serve_stream(
    stream: EngineStream[Req, Resp],
    requests: AsyncIterator[Req],
    write: Callable[[Resp], Awaitable[None]],
    limits: StreamLimits,
) -> bool:
    """Serve an admitted stream to its end; False: the requests ended without `finish`, and the rest is not wanted.

    Raises `InvalidRequest` for a request that makes no sense, `Idle` beyond the limits, and what the stream raises.
    """
    watchdog = _Watchdog(limits)

    async def send(response: Resp) -> None:
        watchdog.writes_since = loop_time()
        await write(response)
        watchdog.writes_since = None

    try:
        async with beside(watchdog.watch(), _take(stream, requests, watchdog)):
            await stream.answer(send)
    except _Abandoned:
        return False
    return True


class _Abandoned(Exception):
    """The requests ended without `finish`."""


async def _take(stream: EngineStream[Req, Resp], requests: AsyncIterator[Req], watchdog: "_Watchdog") -> None:
    while True:
        watchdog.reads_since = loop_time()
        request = await anext(requests, None)
        watchdog.reads_since = None
        if request is None:
            raise _Abandoned
        match request.WhichOneof("request"):
            case "finish":
                await stream.finish()
                return
            case "config":
                raise InvalidRequest("config comes once", field="config")
            case None:
                raise InvalidRequest("the request is empty", field="request")
            case _:
                await stream.take(request)


class _Watchdog:
    """Notices, one for a whole stream, that a read or a write has waited for too long.

    A time-out for each would cost every frame an object and a lock.
    """

    def __init__(self, limits: StreamLimits) -> None:
        self._limits = limits
        self.reads_since: float | None = None
        self.writes_since: float | None = None

    async def watch(self) -> None:
        """Raise `Idle` when the peer has kept the stream waiting."""
        limits = self._limits
        while True:
            # No wait that begins during this sleep can reach its limit before it ends.
            await asyncio.sleep(min(limits.idle_s, limits.stall_s, *self._left()))
            idle, stall = self._left()
            if idle <= 0:
                raise Idle(f"no request for {limits.idle_s:g} s")
            if stall <= 0:
                raise Idle(f"{limits.unread} not read for {limits.stall_s:g} s")

    def _left(self) -> tuple[float, float]:
        """Seconds until the read, and the write, has waited for too long."""
        now = loop_time()
        return (
            self._limits.idle_s - (0.0 if self.reads_since is None else now - self.reads_since),
            self._limits.stall_s - (0.0 if self.writes_since is None else now - self.writes_since),
        )


class StreamMetrics:
    """The streams of a service whose engine has slots, for Prometheus."""

    def __init__(self, service: str, plural: str, doing: str, registry: CollectorRegistry) -> None:
        """`service` is "stt" or "tts"; `plural` and `doing` are for people: "Streams", "being recognised"."""
        self._admitted = Counter(f"worker_{service}_sessions", f"{plural} admitted.", registry=registry)
        self._active = Gauge(f"worker_{service}_active_sessions", f"{plural} {doing}.", registry=registry)
        self._refused = Counter(
            f"parley_{service}_refusals", f"{plural} refused: the engine is full.", registry=registry
        )
        self._failed = Counter(
            f"parley_{service}_failed_starts", f"{plural} refused: the engine is down.", registry=registry
        )

    @contextmanager
    def admission(self) -> Iterator[None]:
        """Count the refusal if the engine refuses while the block runs."""
        try:
            yield
        except AtCapacity:
            self._refused.inc()
            raise
        except UpstreamDown:
            self._failed.inc()
            raise

    @contextmanager
    def live(self) -> Iterator[None]:
        """Count an admitted stream while the block runs."""
        self._admitted.inc()
        with self._active.track_inprogress():
            yield
