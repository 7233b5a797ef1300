"""Whether a conversation would find what it needs, as `/v1/health` tells it."""

import asyncio
from typing import Any

import msgspec
from grpc.aio import Channel, UnaryUnaryMultiCallable
from grpc_health.v1.health_pb2 import HealthCheckRequest, HealthCheckResponse
from grpc_health.v1.health_pb2_grpc import HealthStub

from mesh.discovery import Replicas, ask
from mesh.errors import MeshError

CHECK_LIMIT_S = 2.0
"""How long one part may take to answer. Unmute's page gives up on the whole after 3 s."""

CACHED_FOR_S = 0.5


class HealthReport(msgspec.Struct, frozen=True, kw_only=True):
    """Unmute's answer about health."""

    tts_up: bool
    stt_up: bool
    llm_up: bool
    voice_cloning_up: bool
    ok: bool
    """Whether a conversation can be held. Cloning is not needed for that."""


class MeshHealth:
    """Asks the orchestrator about what it depends on, and the voice service about cloning.

    Both serve these as health names of their own; a name they do not have is something that nobody can do.
    """

    def __init__(self, orchestrators: Replicas, voices: Replicas) -> None:
        self._orchestrators = orchestrators
        self._voices = voices
        self._asking = asyncio.Lock()
        self._report: HealthReport | None = None
        self._reported_at = 0.0

    async def report(self) -> HealthReport:
        """How things are, or were half a second ago. Never fails, and takes at most 2 s."""
        clock = asyncio.get_running_loop().time
        async with self._asking:
            if self._report is None or clock() - self._reported_at > CACHED_FOR_S:
                self._report = await self._ask_all()
                self._reported_at = clock()
            return self._report

    async def _ask_all(self) -> HealthReport:
        tts, stt, llm, cloning = await asyncio.gather(
            _is_serving(self._orchestrators, "tts"),
            _is_serving(self._orchestrators, "stt"),
            _is_serving(self._orchestrators, "llm"),
            _is_serving(self._voices, "cloning"),
        )
        return HealthReport(tts_up=tts, stt_up=stt, llm_up=llm, voice_cloning_up=cloning, ok=tts and stt and llm)


async def _is_serving(replicas: Replicas, name: str) -> bool:
    try:
        async with asyncio.timeout(CHECK_LIMIT_S):
            answer: HealthCheckResponse = await ask(replicas, _check, HealthCheckRequest(service=name))
    except (TimeoutError, MeshError):
        return False
    return answer.status == HealthCheckResponse.SERVING


def _check(channel: Channel) -> "UnaryUnaryMultiCallable[HealthCheckRequest, HealthCheckResponse]":
    stub: Any = HealthStub(channel)  # its type tells of no methods
    return stub.Check  # type: ignore[no-any-return]
