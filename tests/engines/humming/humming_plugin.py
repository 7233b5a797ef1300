"""The plugin. Every command that lists engines imports it, so it imports nothing heavy."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Annotated, ClassVar

from mesh.engines.findings import Finding, fine
from mesh.engines.plugins import EnginePlugin
from mesh.settings import Settings, setting
from tts_proxy.engine import SynthesisEngine


class HummingSettings(Settings, frozen=True, kw_only=True):
    """Settings of the engine, from variables of its own."""

    env_prefix: ClassVar[str] = "PARLEY_TTS_HUMMING_"

    pitch_hz: Annotated[float, setting(help="The pitch of the hum.", gt=0, le=2_000)] = 220.0
    capacity: Annotated[int, setting(help="How many replies are hummed at once.", ge=1, le=1_000)] = 64


@asynccontextmanager
async def _open(settings: HummingSettings) -> AsyncIterator[SynthesisEngine]:
    from humming import HummingEngine

    yield HummingEngine(settings.pitch_hz, settings.capacity)


async def _check(settings: HummingSettings) -> list[Finding]:
    return [fine("humming", f"hums at {settings.pitch_hz:g} Hz")]


PLUGIN: EnginePlugin[HummingSettings, SynthesisEngine] = EnginePlugin(
    name="humming",
    summary="a quarter of a second of humming for each word, on this machine",
    settings_type=HummingSettings,
    open=_open,
    check=_check,
)
