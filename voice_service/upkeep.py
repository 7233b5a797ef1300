"""What the service does without being asked: it tells whether cloning works, and forgets voices in time."""

import asyncio

import structlog

from mesh.errors import UpstreamDown
from mesh.rpc.health import Health
from voice_service.engine import CloningEngine
from voice_service.store import VoiceStore

HEALTH_NAME = "cloning"
"""What `grpc.health.v1` is asked about the cloning engine by; with "/" and its name, about just that engine."""
_PROBED_EVERY_S = 2.0
_PURGED_EVERY_S = 30.0

_log = structlog.get_logger()


async def watch(health: Health, engine: CloningEngine) -> None:
    """Publish whether the engine works, until cancelled."""
    worked: bool | None = None
    while True:
        works = await engine.works()
        await health.set(HEALTH_NAME, serving=works)
        await health.set(f"{HEALTH_NAME}/{engine.name}", serving=works)
        if works is not worked:
            _log.info("cloning works" if works else "cloning does not work", engine=engine.name)
        worked = works
        await asyncio.sleep(_PROBED_EVERY_S)


async def purge(store: VoiceStore, every_s: float = _PURGED_EVERY_S) -> None:
    """Keep the store free of voices that are past their time, until cancelled."""
    while True:
        try:
            await store.purge()
        except UpstreamDown as error:
            _log.warning("custom voices could not be forgotten", error=error.message, cause=error.cause())
        await asyncio.sleep(every_s)
