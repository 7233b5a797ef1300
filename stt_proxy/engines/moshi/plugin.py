"""Kyutai's recogniser as a plugin."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, ClassVar

from mesh.engines.findings import Finding
from mesh.engines.plugins import EnginePlugin
from mesh.engines.server_urls import parse_urls
from mesh.settings import setting
from moshi_client.settings import MoshiSettings
from stt_proxy.engine import RecognitionEngine


class MoshiSttSettings(MoshiSettings, frozen=True, kw_only=True):
    """Settings of the recogniser."""

    env_prefix: ClassVar[str] = "PARLEY_STT_MOSHI_"

    urls: Annotated[
        tuple[str, ...],
        setting(
            help="URLs of moshi-servers for recognition, http(s) or ws(s). One may resolve to several servers.",
            env=("PARLEY_STT_MOSHI_URLS", "KYUTAI_STT_URL"),
        ),
    ] = ()
    capacity: Annotated[
        int, setting(help="Maximum number of concurrent streams on moshi-servers for this proxy.", ge=1, le=10_000)
    ] = 256
    delay_s: Annotated[
        float, setting(help="Seconds between a word's audio and the word, in moshi-server's model.", ge=0, le=10)
    ] = 0.5
    pause_head: Annotated[
        int,
        setting(help="Index of the moshi-server pause score to use, from 0. A higher index waits longer.", ge=0, le=31),
    ] = 2

    @property
    def server_urls(self) -> tuple[str, ...]:
        """Where moshi-servers are; by default where one listens that was started as Kyutai's documentation says."""
        return self.urls or ("ws://localhost:8090",)


@asynccontextmanager
async def _open(settings: MoshiSttSettings) -> AsyncIterator[RecognitionEngine]:
    from mesh.engines.lease_metrics import LeaseMetrics
    from stt_proxy.engines.moshi.engine import moshi_engine
    from stt_proxy.engines.moshi.stream_state import Model

    async with moshi_engine(
        parse_urls(settings.server_urls),
        key=settings.api_key,
        model=Model(delay_s=settings.delay_s, pause_head=settings.pause_head),
        options=settings.options(settings.capacity),
        metrics=LeaseMetrics("stt", settings.capacity),
    ) as engine:
        yield engine


async def _check(settings: MoshiSttSettings) -> Sequence[Finding]:
    from moshi_client.check import check_servers

    return await check_servers(settings.server_urls, "KYUTAI_STT_URL")


PLUGIN: EnginePlugin[MoshiSttSettings, RecognitionEngine] = EnginePlugin(
    name="moshi",
    summary="Kyutai's recogniser for natural speech, on a moshi-server with a GPU",
    settings_type=MoshiSttSettings,
    open=_open,
    check=_check,
    is_configured=lambda settings: bool(settings.urls),
)
