"""Whether what a conversation needs is up, as health names of the orchestrator's own: "stt", "tts" and "llm".

The orchestrator itself stays SERVING when one of them is down: its conversations go on, and the edge can say which
part is missing.
"""

import asyncio
from collections.abc import Awaitable, Callable

import structlog

from mesh.discovery.search import Replicas, any_serving
from mesh.rpc.health import Health
from orchestrator.llm.several import AnyLanguageModel
from orchestrator.metrics import Metrics

_EVERY_S = 1.0

_log = structlog.get_logger()

Probe = Callable[[], Awaitable[bool]]


async def watch(health: Health, stt: Replicas, tts: Replicas, model: AnyLanguageModel, metrics: Metrics) -> None:
    """Publish the health of all three until cancelled."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(_watch(health, metrics, "stt", lambda: any_serving(stt)))
        tasks.create_task(_watch(health, metrics, "tts", lambda: any_serving(tts)))
        tasks.create_task(_watch(health, metrics, "llm", model.answers))


async def _watch(health: Health, metrics: Metrics, name: str, probe: Probe) -> None:
    was_up: bool | None = None
    while True:
        is_up = await probe()
        await health.set(name, serving=is_up)
        metrics.dependency_asked(name, is_up=is_up)
        if is_up is not was_up:
            _log.info("dependency is up" if is_up else "dependency is down", dependency=name)
        was_up = is_up
        await asyncio.sleep(_EVERY_S)
