"""Kyutai's voice as a plugin."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, ClassVar

from mesh.engines.findings import Finding
from mesh.engines.plugins import EnginePlugin
from mesh.engines.server_urls import parse_urls
from mesh.settings import setting
from moshi_client.settings import MoshiSettings
from tts_proxy.engine import SynthesisEngine
from tts_proxy.settings import Capacity, DefaultVoice


class MoshiTtsSettings(MoshiSettings, frozen=True, kw_only=True):
    """Settings of the voice."""

    env_prefix: ClassVar[str] = "PARLEY_TTS_MOSHI_"

    urls: Annotated[
        tuple[str, ...],
        setting(
            help="URLs of moshi-servers for synthesis, http(s) or ws(s). One may resolve to several servers.",
            env=("PARLEY_TTS_MOSHI_URLS", "KYUTAI_TTS_URL"),
        ),
    ] = ()
    capacity: Capacity = 64
    voice: DefaultVoice = ""

    @property
    def server_urls(self) -> tuple[str, ...]:
        """Where moshi-servers are; by default where one listens that was started as Kyutai's documentation says."""
        return self.urls or ("ws://localhost:8089",)


@asynccontextmanager
async def _open(settings: MoshiTtsSettings) -> AsyncIterator[SynthesisEngine]:
    from mesh.engines.lease_metrics import LeaseMetrics
    from tts_proxy.engines.moshi.engine import moshi_engine

    async with moshi_engine(
        parse_urls(settings.server_urls),
        key=settings.api_key,
        voice=settings.voice,
        options=settings.options(settings.capacity),
        metrics=LeaseMetrics("tts", settings.capacity),
    ) as engine:
        yield engine


async def _check(settings: MoshiTtsSettings) -> Sequence[Finding]:
    from moshi_client.check import check_servers

    return await check_servers(settings.server_urls, "KYUTAI_TTS_URL")


PLUGIN: EnginePlugin[MoshiTtsSettings, SynthesisEngine] = EnginePlugin(
    name="moshi",
    summary="Kyutai's natural voices, on a moshi-server with a GPU",
    settings_type=MoshiTtsSettings,
    open=_open,
    check=_check,
    is_configured=lambda settings: bool(settings.urls),
)
