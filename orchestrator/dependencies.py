"""Whether what a conversation needs is up, as health names of the orchestrator's own: "stt", "tts" and "llm".

The orchestrator itself stays SERVING when one of them is down: its conversations go on, and the edge can say which
part is missing.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mesh.discovery import Replicas, ask
from mesh.errors import MeshError
from mesh.health import Health
from orchestrator.llm import LanguageModel, LanguageModelFailed

_EVERY_S = 1.0

Probe = Callable[[], Awaitable[bool]]


async def watch(health: Health, stt: Replicas, tts: Replicas, model: LanguageModel) -> None:
    """Publish the health of all three until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_watch(health, "stt", lambda: _serves(stt)))
        tasks.create_task(_watch(health, "tts", lambda: _serves(tts)))
        tasks.create_task(_watch(health, "llm", lambda: _answers(model)))


async def _watch(health: Health, name: str, probe: Probe) -> None:
    while True:
        await health.set(name, serving=await probe())
        await asyncio.sleep(_EVERY_S)


async def _serves(replicas: Replicas) -> bool:
    """Tell whether a replica is SERVING; a full one is."""
    try:
        answer = await ask(replicas, _check, health_pb2.HealthCheckRequest())
    except MeshError:
        return False
    return answer.status == health_pb2.HealthCheckResponse.SERVING


async def _answers(model: LanguageModel) -> bool:
    try:
        await model.name()  # once known, prompts can say it
    except LanguageModelFailed:
        return False
    return await model.answers()


def _check(
    channel: grpc.aio.Channel,
) -> grpc.aio.UnaryUnaryMultiCallable[health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse]:
    stub: Any = health_pb2_grpc.HealthStub(channel)  # its type tells of no methods
    method: grpc.aio.UnaryUnaryMultiCallable[health_pb2.HealthCheckRequest, health_pb2.HealthCheckResponse] = stub.Check
    return method
