"""The health of a server and of its services by `grpc.health.v1`: the service, and its client."""

import asyncio
import contextlib
import random
from collections.abc import Callable, Iterable
from typing import Any

import grpc
from grpc_health.v1 import health, health_pb2, health_pb2_grpc

from mesh.pool import Backoff
from mesh.process.lag import timeout

SERVICE_NAME = health.SERVICE_NAME

_FOLLOWED_EVERY_S = 0.5

_TELLING_LIMIT_S = 1.0
"""How long watchers may keep a server from stopping."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.1, 5.0
"""The pauses before a watch that has ended is restarted; they double unless the watch lasted longer."""


class _Servicer(health.aio.HealthServicer):
    """The library's, which answers all of the contract but `List`."""

    async def List(self, _request: object, _context: object) -> Any:  # noqa: N802 - gRPC's name
        """Every name and its status."""
        known: dict[str, Any] = vars(self)["_server_status"]
        messages: Any = health_pb2  # its types describe an older contract
        statuses = {name: health_pb2.HealthCheckResponse(status=status) for name, status in known.items()}
        return messages.HealthListResponse(statuses=statuses)


class Health:
    """Answers `Check`, `List` and `Watch`. The server ("") and every given service are SERVING until set otherwise.

    A full replica is SERVING: capacity shows only when a call is refused.
    """

    def __init__(self, services: Iterable[str]) -> None:
        self._services = tuple(services)
        self._servicer = _Servicer()

    async def add_to(self, server: grpc.aio.Server) -> None:
        """Let `server` answer; before it is started."""
        for service in self._services:
            await self.set(service, serving=True)
        health_pb2_grpc.add_HealthServicer_to_server(self._servicer, server)

    async def set(self, name: str, *, serving: bool) -> None:
        """Change the status of a name, which may be one of its own ("llm"). Ignored once the server stops serving."""
        status = health_pb2.HealthCheckResponse.SERVING if serving else health_pb2.HealthCheckResponse.NOT_SERVING
        await self._servicer.set(name, status)

    async def follow(self, is_up: Callable[[], bool]) -> None:
        """Have the server and its services SERVING while they are up, until cancelled."""
        was_up: bool | None = None
        while True:
            if (up := is_up()) is not was_up:
                for name in ("", *self._services):
                    await self.set(name, serving=up)
                was_up = up
            await asyncio.sleep(_FOLLOWED_EVERY_S)

    async def stop_serving(self) -> None:
        """Make every name NOT_SERVING, for good. A watcher that cannot be notified in time is skipped."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(_TELLING_LIMIT_S):
                await self._servicer.enter_graceful_shutdown()


async def is_serving(channel: grpc.aio.Channel, name: str = "", *, within: float) -> bool | None:
    """Whether the server at the other end says, within so many seconds, that it serves `name`. Never fails.

    None: it does not say, because it cannot be reached or does not know the name.
    """
    stub: Any = health_pb2_grpc.HealthStub(channel)  # its type has no methods
    try:
        answer = await stub.Check(health_pb2.HealthCheckRequest(service=name), timeout=within)
    except grpc.aio.AioRpcError:
        return None
    serving: bool = answer.status == health_pb2.HealthCheckResponse.SERVING
    return serving


async def answers(channel: grpc.aio.Channel, *, within: float) -> bool:
    """Whether the process at the other end says anything within so many seconds. Never fails.

    What this process itself is late by does not count. A busy process answers, one that hangs does not.
    """
    stub: Any = health_pb2_grpc.HealthStub(channel)
    try:
        async with timeout(within):
            await stub.Check(health_pb2.HealthCheckRequest())
    except TimeoutError:
        return False
    except grpc.aio.AioRpcError as error:
        return error.code() is not grpc.StatusCode.UNAVAILABLE
    return True


async def watch(channel: grpc.aio.Channel, on_health: Callable[[bool], None], name: str = "") -> None:
    """Call `on_health` with whether the server at the other end serves `name`, now and at each change, until cancelled.

    One that cannot be reached does not serve. One that knows nothing of health does, as gRPC's own clients take it.
    """
    clock = asyncio.get_running_loop().time
    backoff, serving = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S, settled_s=_LONGEST_PAUSE_S), True
    while True:
        began = clock()
        # The first attempt fails at once if no server listens. After that gRPC retries at its own pace.
        serving = await _watch_once(channel, on_health, name, wait=not serving)
        pause = backoff.pause(clock() - began)
        await asyncio.sleep(random.uniform(0.5, 1.0) * pause)  # noqa: S311 - else all watchers come back at once


async def _watch_once(channel: grpc.aio.Channel, on_health: Callable[[bool], None], name: str, *, wait: bool) -> bool:
    """Watch until the stream ends, and return the last status."""
    stub: Any = health_pb2_grpc.HealthStub(channel)
    serving = False
    try:
        async for answer in stub.Watch(health_pb2.HealthCheckRequest(service=name), wait_for_ready=wait):
            on_health(answer.status == health_pb2.HealthCheckResponse.SERVING)
    except grpc.aio.AioRpcError as error:
        serving = error.code() is grpc.StatusCode.UNIMPLEMENTED
    on_health(serving)
    return serving
