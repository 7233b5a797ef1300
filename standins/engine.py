"""What the stand-ins of all engines share: an address, slots, faults, and what of them can be changed."""

import asyncio
import socket
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from http import HTTPStatus
from typing import Annotated, Any, ClassVar, Generic, Self, TypeVar

import msgspec
import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from mesh.process.ports import authority
from mesh.tasks import beside
from standins import faults as fault_kinds
from standins.asgi import TRANSPORT, read
from standins.faults import BadFault, Fault, Faults
from standins.slots import Slots
from standins.watched import Watched
from standins.websocket import Endpoint, Handshake, Refusal, Session, WebSocket

CONTROL_PATH = "/standin"

_CHANGE_LIMIT_BYTES = 1 << 20
_CUT_OFF_LIMIT_S = 5.0


class BadChange(Exception):
    """The engine cannot be changed like this; the message says what was expected."""


class Options(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Options of the stand-ins of all engines."""

    slots: Annotated[int, msgspec.Meta(ge=0)] = 64
    """How many clients are served at once."""
    seed: int = 0
    """Of the faults' draws."""


O = TypeVar("O", bound=Options)  # noqa: E741 - a type variable


class Engine(Watched, Generic[O]):
    """A stand-in for one engine.

    async with SttEngine(SttOptions(slots=2)).serving() as stt:
        stt.url
        stt.slots.used, stt.slots.peak, stt.slots.granted, stt.slots.refused
        stt.change(slots=1)
        stt.break_down(Full())  # and stt.recover()
    """

    kind: ClassVar[str]
    """What it stands in for, in one word."""
    scheme: ClassVar[str] = "http"
    fault_kinds: ClassVar[Sequence[type[Any]]]
    """The faults it knows."""

    def __init__(self, options: O) -> None:
        super().__init__()
        self.options = options
        self.slots = Slots(options.slots)
        self.faults = Faults(self.fault_kinds, options.seed)
        self.url = ""
        """Where it listens, while it does."""

    def change(self, **changes: Any) -> None:
        """Change options, from the next connection on. Raises `BadChange`."""
        try:
            options = msgspec.convert(
                {**msgspec.structs.asdict(self.options), **changes}, type(self.options), strict=False
            )
        except msgspec.ValidationError as error:
            raise BadChange(str(error)) from None
        self.options = options
        self.slots.capacity = options.slots
        if "seed" in changes:
            self.faults.reseed(options.seed)
        self.changed()

    def break_down(self, *faults: Fault | str) -> None:
        """Have these faults, and no others, from the next connection on. Raises `BadFault`."""
        self.faults.set(faults)

    def recover(self) -> None:
        """Have no faults."""
        self.faults.set(())

    def state(self) -> dict[str, Any]:
        """What the control route shows."""
        return {
            "kind": self.kind,
            "slots": self.slots.counts(),
            "faults": [msgspec.to_builtins(fault) for fault in self.faults],
            "options": msgspec.to_builtins(self.options),
        }

    @asynccontextmanager
    async def serving(self, host: str = "127.0.0.1", port: int = 0) -> AsyncIterator[Self]:
        """Serve meanwhile, on a free port if none is given. Leaving cuts off who is still there."""
        with _listener(host, port) as listener:
            self.url = f"{self.scheme}://{authority(*listener.getsockname()[:2])}"
            async with _running(self._config(), listener), beside(self._work()):
                yield self

    # What an engine adds.

    def _routes(self) -> Sequence[Route]:
        """Its HTTP routes."""
        return ()

    def _sockets(self) -> Mapping[str, Endpoint]:
        """Its WebSockets, by path."""
        return {}

    async def _work(self) -> None:
        """What goes on while it serves."""

    # What becomes of it.

    def _config(self) -> uvicorn.Config:
        sockets = self._sockets()

        def connect(handshake: Handshake, websocket: WebSocket) -> Session | Refusal:
            if endpoint := sockets.get(handshake.path):
                return endpoint(handshake, websocket)
            return Refusal(HTTPStatus.NOT_FOUND)

        def websocket(*, server_state: Any, **_: Any) -> asyncio.Protocol:
            return WebSocket(connect, server_state.connections)

        app = Starlette(
            routes=[
                *self._routes(),
                Route(CONTROL_PATH, self._show, methods=["GET"]),
                Route(CONTROL_PATH, self._control, methods=["PATCH"]),
            ]
        )
        return uvicorn.Config(
            app,
            http=HttpConnection,
            ws=websocket,  # type: ignore[arg-type]  # uvicorn only calls it
            lifespan="off",
            log_config=None,
            log_level="critical",
            access_log=False,
            server_header=False,
        )

    async def _show(self, _: Request) -> Response:
        return JSONResponse(self.state())

    async def _control(self, request: Request) -> Response:
        """`{"options": {…}, "faults": ["full", {"kind": "stall", "after": 3}]}`; what is left out stays as it is."""
        try:
            wanted = msgspec.json.decode(await read(request, _CHANGE_LIMIT_BYTES) or b"", type=_Change)
            faults = None if wanted.faults is None else [fault_kinds.convert(fault) for fault in wanted.faults]
            # Both or neither.
            self.faults.check(faults or ())
            self.change(**wanted.options)
            if faults is not None:
                self.faults.set(faults)
        except (BadChange, BadFault, msgspec.DecodeError) as error:
            return JSONResponse({"error": str(error)}, HTTPStatus.BAD_REQUEST)
        return JSONResponse(self.state())


class _Change(msgspec.Struct, forbid_unknown_fields=True):
    options: dict[str, Any] = {}
    faults: list[str | dict[str, Any]] | None = None


class HttpConnection(HttpToolsProtocol):
    """Uvicorn's, which also hands its transport to the application, for what ends badly."""

    def on_message_begin(self) -> None:
        """Begin a request."""
        super().on_message_begin()
        self.scope["extensions"] = {TRANSPORT: self.transport}  # type: ignore[dict-item]  # ASGI wants a dictionary of each


@asynccontextmanager
async def _running(config: uvicorn.Config, listener: socket.socket) -> AsyncIterator[None]:
    """Do what `uvicorn.Server.serve` does, but for signals and pauses."""
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    try:
        yield
    finally:
        for each in server.servers:
            each.close()
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        for task in list(server.server_state.tasks):
            task.cancel()
        await asyncio.gather(*server.server_state.tasks, return_exceptions=True)
        async with asyncio.timeout(_CUT_OFF_LIMIT_S):
            # Transports tell of their end in the next round of the loop, and slots are free after that.
            while server.server_state.connections:  # noqa: ASYNC110 - uvicorn's set tells nobody
                await asyncio.sleep(0)


def _listener(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    # asyncio sends without delay, and so without 40 ms of Nagle's, only on a socket that says that it is TCP.
    listener = socket.socket(family, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
    except OSError:
        listener.close()
        raise
    return listener
