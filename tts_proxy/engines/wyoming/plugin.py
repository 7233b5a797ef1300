"""Voices of Wyoming servers as a plugin."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

from mesh.engines.findings import Finding
from mesh.engines.plugins import EnginePlugin
from mesh.settings import SettingError
from tts_proxy.engine import SynthesisEngine
from tts_proxy.settings import Capacity, DefaultVoice, Patience
from wyoming_client.settings import WyomingSettings, parse_urls


class WyomingTtsSettings(WyomingSettings, frozen=True, kw_only=True):
    """Settings of the voices."""

    env_prefix: ClassVar[str] = "PARLEY_TTS_WYOMING_"

    capacity: Capacity = 64
    voice: DefaultVoice = ""
    patience_s: Patience = 0.3


@asynccontextmanager
async def _open(settings: WyomingTtsSettings) -> AsyncIterator[SynthesisEngine]:
    from mesh.engines.lease_metrics import LeaseMetrics
    from tts_proxy.engines.wyoming.engine import wyoming_speech_engine

    if not settings.urls:
        raise SettingError("PARLEY_TTS_WYOMING_URLS is not set: expected tcp://host:port of a Wyoming server")
    async with wyoming_speech_engine(
        parse_urls(settings.urls),
        voice=settings.voice,
        options=settings.options(settings.capacity),
        meter=LeaseMetrics("tts", settings.capacity),
        probed_every_s=settings.probe_interval_s,
        patience_s=settings.patience_s,
        answer_limit_s=settings.answer_limit_s,
    ) as engine:
        yield engine


async def _check(settings: WyomingTtsSettings) -> Sequence[Finding]:
    from wyoming_client.check import check_servers

    return await check_servers(settings.urls, "tts", "PARLEY_TTS_WYOMING_URLS")


PLUGIN: EnginePlugin[WyomingTtsSettings, SynthesisEngine] = EnginePlugin(
    name="wyoming",
    summary="voices of a Wyoming server, such as Home Assistant's Piper",
    settings_type=WyomingTtsSettings,
    open=_open,
    check=_check,
    is_configured=lambda settings: bool(settings.urls),
)
