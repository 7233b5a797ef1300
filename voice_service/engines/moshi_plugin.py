"""Kyutai's cloning as a plugin."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, ClassVar

import msgspec

from mesh.engines.findings import Finding
from mesh.engines.plugins import EnginePlugin
from mesh.engines.server_urls import parse_urls
from mesh.settings import Settings, setting
from voice_service.engine import CloningEngine


class MoshiCloningSettings(Settings, frozen=True, kw_only=True):
    """Settings of cloning by moshi-servers."""

    env_prefix: ClassVar[str] = "PARLEY_VOICES_"

    cloning_urls: Annotated[
        tuple[Annotated[str, msgspec.Meta(pattern=r"^(https?|wss?)://[^/?#]+/?$")], ...],
        setting(
            help="URLs of moshi-servers that clone voices. One may resolve to several. Not set: the embedded engine.",
            env=("PARLEY_VOICES_MOSHI_URLS", "KYUTAI_VOICE_CLONING_URL"),
        ),
    ] = ()

    @property
    def server_urls(self) -> tuple[str, ...]:
        """Where moshi-servers are; by default where `parley fake-engines` has one."""
        return self.cloning_urls or ("http://localhost:8092",)


@asynccontextmanager
async def _open(settings: MoshiCloningSettings) -> AsyncIterator[CloningEngine]:
    from voice_service.engines.moshi import MoshiCloning

    async with MoshiCloning(parse_urls(settings.server_urls)) as engine:
        yield engine


async def _check(settings: MoshiCloningSettings) -> Sequence[Finding]:
    from moshi_client.check import check_servers

    return await check_servers(settings.server_urls, "KYUTAI_VOICE_CLONING_URL")


PLUGIN: EnginePlugin[MoshiCloningSettings, CloningEngine] = EnginePlugin(
    name="moshi",
    summary="Kyutai's cloning for the moshi voice, on a moshi-server with a GPU",
    settings_type=MoshiCloningSettings,
    open=_open,
    check=_check,
    is_configured=lambda settings: bool(settings.cloning_urls),
)
