"""Whether what a conversation needs is up, as health names of the orchestrator's own: "stt", "tts" and "llm".

The orchestrator itself stays SERVING when one of them is down: its conversations go on, and the edge can say which
part is missing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import structlog
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mesh.discovery import Replicas, ask
from mesh.errors import MeshError, UpstreamDown
from mesh.health import Health
from orchestrator.llm import LanguageModel

_EVERY_S = 1.0

_log = structlog.get_logger()

Probe = Callable[[], Awaitable[bool]]


async def watch(health: Health, stt: Replicas, tts: Replicas, model: LanguageModel) -> None:
    """Publish the health of all three until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_watch(health, "stt", lambda: _serves(stt)))
        tasks.create_task(_watch(health, "tts", lambda: _serves(tts)))
        tasks.create_task(_watch(health, "llm", model.answers))


async def _watch(health: Health, name: str, probe: Probe) -> None:
    was_up: bool | None = None
    while True:
        is_up = await probe()
        await health.set(name, serving=is_up)
        if is_up is not was_up:
            _log.info("dependency is up" if is_up else "dependency is down", dependency=name)
        was_up = is_up
        await asyncio.sleep(_EVERY_S)


async def _serves(replicas: Replicas) -> bool:
    """Tell whether any replica is SERVING; a full one is."""
    try:
        await ask(replicas, _serving_check, health_pb2.HealthCheckRequest())
    except MeshError:
        return False
    return True


def _serving_check(
    channel: grpc.aio.Channel,
) -> grpc.aio.UnaryUnaryMultiCallable[health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse]:
    """Return a health check that fails at any answer but SERVING: the search must go on then, and remember it."""
    stub: Any = health_pb2_grpc.HealthStub(channel)  # its type tells of no methods

    async def check(request: health_pb2.HealthCheckRequest, *, wait_for_ready: bool) -> health_pb2.HealthCheckResponse:
        answer: health_pb2.HealthCheckResponse = await stub.Check(request, wait_for_ready=wait_for_ready)
        if answer.status != health_pb2.HealthCheckResponse.SERVING:
            raise UpstreamDown("the replica is not serving")
        return answer

    return check  # type: ignore[return-value]  # being called is all that is asked of it
