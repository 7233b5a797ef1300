"""The embedded cloning engine as a plugin."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager

from mesh.engines.findings import Finding, fine
from mesh.engines.plugins import EnginePlugin
from mesh.settings import Settings
from voice_service.engine import CloningEngine


class EspeakCloningSettings(Settings, frozen=True, kw_only=True):
    """It has none."""


@asynccontextmanager
async def _open(_: EspeakCloningSettings) -> AsyncIterator[CloningEngine]:
    from voice_service.engines.espeak import EspeakCloning

    yield EspeakCloning()


async def _check(_: EspeakCloningSettings) -> Sequence[Finding]:
    import voice_service.analysis.features  # noqa: F401 - what a recording is analysed with

    return [fine("espeak", "the analysis of recordings is loaded")]


PLUGIN: EnginePlugin[EspeakCloningSettings, CloningEngine] = EnginePlugin(
    name="espeak",
    summary="the pitch, melody and pace of a speaker for the espeak voice, on this machine; not the sound of the voice",
    settings_type=EspeakCloningSettings,
    open=_open,
    check=_check,
    default_rank=100,
)
