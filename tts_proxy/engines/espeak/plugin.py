"""The embedded voice as a plugin."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

from mesh.engines.extras import require
from mesh.engines.findings import Finding
from mesh.engines.plugins import EnginePlugin
from tts_proxy.embedded import EmbeddedSettings, opened
from tts_proxy.engine import SynthesisEngine

DEFAULT_VOICE = "en-us"


class EspeakSettings(EmbeddedSettings, frozen=True, kw_only=True):
    """Settings of the embedded voice."""

    own_voice: ClassVar[str] = DEFAULT_VOICE


def check_installed() -> None:
    """Raise `mesh.engines.extras.MissingExtra` if eSpeak NG is not installed."""
    require("espeak", "parley[embedded]", "espeakng_loader")


@asynccontextmanager
async def _open(settings: EspeakSettings) -> AsyncIterator[SynthesisEngine]:
    from tts_proxy.engines.espeak.engine import espeak_engine

    async with opened(espeak_engine(settings)) as engine:
        yield engine


async def _check(settings: EspeakSettings) -> Sequence[Finding]:
    from tts_proxy.embedded_check import says_a_word

    return await says_a_word("espeak", _open(settings), settings, "espeakng-loader")


PLUGIN: EnginePlugin[EspeakSettings, SynthesisEngine] = EnginePlugin(
    name="espeak",
    summary="over a hundred languages, on this machine without a GPU or a download; understandable, but robotic",
    settings_type=EspeakSettings,
    open=_open,
    check=_check,
    check_installed=check_installed,
    default_rank=100,
)
