"""What moshi-server does around its models: who may connect, who gets a slot, what it tells of itself."""

import math
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from http import HTTPStatus
from typing import Annotated, ClassVar, Generic, TypeVar

import msgspec
from prometheus_client.exposition import CONTENT_TYPE_LATEST
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from standins import wire
from standins.connection import FaultyConnection
from standins.engine import Engine, Options
from standins.faults import Close, CrossTalk, ErrorMessage, Full, Garbage, Http, Silent, Slow, Stall, StopsReading
from standins.model import Model
from standins.websocket import Endpoint, Handshake, Refusal, Session, Times, WebSocket

_REMEMBERED = 200
"""Sessions that an engine can still be asked about."""


class MoshiOptions(Options, frozen=True, kw_only=True):
    """Options of the stand-ins for moshi-server's models. Times are in seconds."""

    keys: tuple[str, ...] = ("public_token",)
    """The ids that may connect."""
    ping_s: Annotated[float, msgspec.Meta(gt=0)] = 10.0
    """Of nothing sent, after which a ping is."""
    silence_limit_s: Annotated[float, msgspec.Meta(gt=0)] = 20.0
    """Of nothing received, after which the connection is dropped."""
    old: bool = False
    """Behave as older servers do: an empty word first, and no `buffered_pcm`."""


M = TypeVar("M", bound=MoshiOptions)
S = TypeVar("S", bound="Served")

BUILD = {
    "build_timestamp": "1970-01-01T00:00:00Z",
    "build_date": "1970-01-01",
    "git_branch": "main",
    "git_timestamp": "1970-01-01T00:00:00Z",
    "git_date": "1970-01-01",
    "git_hash": "0" * 40,
    "git_describe": "parley-standin",
    "rustc_host_triple": "none",
    "rustc_version": "none",
    "cargo_target_triple": "none",
}
"""What `/api/build_info` says."""


async def build_info(_: Request) -> Response:
    """Answer the probe of health."""
    return JSONResponse(BUILD)


class Served:
    """A session that has a slot."""

    def __init__(self, handshake: Handshake, connection: FaultyConnection, times: Times) -> None:
        self.query = handshake.query
        """As the client gave it."""
        self.key = key(handshake)
        """The id it connected with."""
        self.over = False
        self.times = times
        self.connection = connection
        self._at_the_end: list[Callable[[], None]] = []

    def finally_(self, action: Callable[[], None]) -> None:
        """Have this done when the session ends."""
        self._at_the_end.append(action)

    def opened(self) -> None:
        """Begin."""
        self.connection.opened()

    def received(self, message: bytes | str) -> None:
        """Take a message."""
        raise NotImplementedError

    def closed(self) -> None:
        """Give everything back."""
        self.over = True
        self.connection.stop()
        for action in self._at_the_end:
            action()


class _TurnedAway:
    """A session that gets no slot: it is told so, and closed without a status code."""

    def __init__(self, websocket: WebSocket, message: bytes | None, times: Times) -> None:
        self.times = times
        self._websocket = websocket
        self._message = message

    def opened(self) -> None:
        if self._message is None:
            self._websocket.hang_up()
        else:
            self._websocket.send(self._message)
            self._websocket.close()

    def received(self, message: bytes | str) -> None:
        pass

    def closed(self) -> None:
        pass


class MoshiEngine(Engine[M], Generic[M, S]):
    """One module of moshi-server with a WebSocket."""

    scheme = "ws"
    fault_kinds = (Full, Http, Slow, Stall, Silent, StopsReading, Garbage, CrossTalk, Close, ErrorMessage)

    path: str
    module: ClassVar[Mapping[str, str]]
    """What `/api/modules_info` says of it beside its slots."""
    metrics_prefix: ClassVar[str]
    cross_talk: ClassVar[Sequence[bytes]]
    """Messages that another client may be owed."""

    def __init__(self, options: M) -> None:
        super().__init__(options)
        self.model = Model()
        self.sessions: deque[S] = deque(maxlen=_REMEMBERED)
        """Those that got a slot, the latest last."""

    async def session(self, number: int = 0, within: float = 5.0) -> S:
        """Return the so-manieth session, once there is one."""
        await self.until(lambda: len(self.sessions) > number, within)
        return self.sessions[number]

    # What a module adds.

    def _session(self, handshake: Handshake, connection: FaultyConnection) -> S:
        """Begin a session that has a slot."""
        raise NotImplementedError

    def _unacceptable(self, handshake: Handshake) -> Refusal | None:
        """Say why a handshake is not taken, if it is not."""
        del handshake
        return None

    def _tells_full(self, handshake: Handshake) -> bool:
        """Whether a client that gets no slot is told so; otherwise it is just dropped."""
        del handshake
        return True

    # What becomes of it.

    def _times(self) -> Times:
        return Times(self.options.ping_s, self.options.silence_limit_s, math.inf)

    def _connect(self, handshake: Handshake, websocket: WebSocket) -> Session | Refusal:
        if key(handshake) not in self.options.keys:
            return Refusal(HTTPStatus.UNAUTHORIZED)
        if refusal := self._unacceptable(handshake):
            return refusal
        fault = self.faults.draw()
        if isinstance(fault, Http):
            return Refusal(fault.status)
        give_back = None
        if isinstance(fault, Full):
            self.slots.refuse()
        else:
            give_back = self.slots.take()
        if give_back is None:
            message = wire.error("no free channels") if self._tells_full(handshake) else None
            return _TurnedAway(websocket, message, self._times())
        connection = FaultyConnection(websocket, fault, chance=self.faults.chance, cross_talk=self.cross_talk)
        session = self._session(handshake, connection)
        session.finally_(give_back)
        session.finally_(self.changed)
        self.sessions.append(session)
        self.changed()
        return session

    def _sockets(self) -> Mapping[str, Endpoint]:
        return {self.path: self._connect}

    def _routes(self) -> Sequence[Route]:
        return (
            Route("/api/build_info", build_info),
            Route("/api/modules_info", self._modules_info),
            Route("/metrics", self._metrics),
        )

    async def _work(self) -> None:
        await self.model.run()

    async def _modules_info(self, _: Request) -> Response:
        slots = {"used_slots": str(self.slots.used), "total_slots": str(self.slots.capacity)}
        return JSONResponse([{**self.module, "path": self.path, **slots}])

    async def _metrics(self, _: Request) -> Response:
        counts: Sequence[tuple[str, str, int]] = (
            ("connect", "counter", self.slots.granted + self.slots.refused),
            ("open_channels", "gauge", self.slots.used),
            ("total_steps", "counter", self.model.steps),
        )
        lines = [
            line
            for name, kind, value in counts
            for line in (
                f"# TYPE {self.metrics_prefix}_{name} {kind}",
                f"{self.metrics_prefix}_{name} {value}",
            )
        ]
        return PlainTextResponse("\n".join((*lines, "")), media_type=CONTENT_TYPE_LATEST)


def key(handshake: Handshake) -> str | None:
    """The id that a client shows; its header goes before its query, even when it is wrong."""
    return handshake.headers.get("kyutai-api-key", handshake.query.get("auth_id"))
