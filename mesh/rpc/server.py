"""A gRPC server's whole life: bind, serve, drain, stop.

await serve(settings, services=[DESCRIPTOR.services_by_name["SpeechToTextService"]],
            add=lambda server: add_SpeechToTextServiceServicer_to_server(servicer, server))
"""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from types import TracebackType
from typing import Self

import grpc
import structlog
from google.protobuf.descriptor import ServiceDescriptor

from mesh.process.drain import LiveCalls, until_drained
from mesh.process.metrics import metrics_served
from mesh.process.ports import authority, raise_why_not
from mesh.rpc import health, reflection
from mesh.rpc.health import Health
from mesh.rpc.interceptor import Interceptor
from mesh.settings import ServiceSettings
from mesh.tasks import beside

log = structlog.get_logger()

_OPTIONS = (
    # Two processes would share a port without a word otherwise, each with half of the calls.
    ("grpc.so_reuseport", 0),
    # Clients ping to notice a lost server (mesh.rpc.channels). Without permission gRPC closes their connections for
    # "too many pings".
    ("grpc.http2.min_ping_interval_without_data_ms", 250),
    ("grpc.keepalive_permit_without_calls", 1),
    # A client whose machine is gone without a word is noticed, and its slot freed, within 30 s.
    ("grpc.keepalive_time_ms", 20_000),
    ("grpc.http2.ping_timeout_ms", 10_000),
)

_CLEANUP_LIMIT_S = 5.0
"""How long handlers may clean up after their calls were cut off."""


class GrpcServer:
    """A server that runs inside `async with`; what its main and tests build on.

    `services` are named in reflection and health; `add` registers their servicers. `port` is where it listens, also if
    the settings leave that open; `health` takes further names; `draining` is set once nothing new is taken. Entering
    raises `PortTaken`. Leaving cuts off what is still running; `until_drained` does not.
    """

    def __init__(
        self,
        settings: ServiceSettings,
        *,
        services: Sequence[ServiceDescriptor],
        add: Callable[[grpc.aio.Server], None],
    ) -> None:
        self._settings = settings
        self._names = [service.full_name for service in services]
        self._add = add
        self._calls = LiveCalls()
        self._exits = AsyncExitStack()
        self.health = Health(self._names)
        self.draining = self._calls.draining
        self.port = settings.port

    @property
    def address(self) -> str:
        """Where it listens, as "host:port"."""
        return authority(self._settings.host, self.port)

    async def __aenter__(self) -> Self:
        async with AsyncExitStack() as exits:
            await exits.enter_async_context(metrics_served(self._settings.host, self._settings.metrics_port))
            server = grpc.aio.server(interceptors=[Interceptor(self._calls)], options=_OPTIONS)
            exits.push_async_callback(self._stop, server)
            await self._populate(server)
            self.port = _bind(server, self._settings.host, self._settings.port)
            await server.start()
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._refuse_calls()
        await self._exits.aclose()
        log.info("stopped", address=self.address)

    async def until_drained(self) -> None:
        """Serve until SIGTERM or SIGINT, then until the last live call has ended, the limit, or another signal."""
        limit_s = self._settings.drain_limit_s
        await until_drained(
            self._calls, self._refuse_calls, limit_s=limit_s, address=self.address, services=self._names
        )

    async def _populate(self, server: grpc.aio.Server) -> None:
        self._add(server)
        await self.health.add_to(server)
        reflection.add_to(server, (*self._names, health.SERVICE_NAME))

    async def _refuse_calls(self) -> None:
        await self.health.stop_serving()
        self.draining.set()

    async def _stop(self, server: grpc.aio.Server) -> None:
        try:
            async with asyncio.timeout(_CLEANUP_LIMIT_S):
                await server.stop(grace=None)
                await self._calls.none_left.wait()
        except TimeoutError:
            log.warning("calls did not clean up in time", limit_s=_CLEANUP_LIMIT_S)


async def serve(
    settings: ServiceSettings,
    *,
    services: Sequence[ServiceDescriptor],
    add: Callable[[grpc.aio.Server], None],
    is_up: Callable[[], bool] = lambda: True,
) -> None:
    """Serve until the process is asked to stop, then drain. While not `is_up()`, its health says so.

    Raises `PortTaken`.
    """
    async with GrpcServer(settings, services=services, add=add) as server, beside(server.health.follow(is_up)):
        await server.until_drained()


def _bind(server: grpc.aio.Server, host: str, port: int) -> int:
    try:
        return server.add_insecure_port(authority(host, port))
    except RuntimeError:
        # gRPC does not give the reason.
        raise_why_not(host, port)
        raise
