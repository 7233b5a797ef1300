"""The voices of this machine as a plugin."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import ClassVar

from mesh.engines.extras import require
from mesh.engines.findings import Finding
from mesh.engines.plugins import EnginePlugin, Memory
from tts_proxy.embedded import EmbeddedSettings, opened
from tts_proxy.engine import SynthesisEngine

DEFAULT_VOICE = "en-us-heart"
"""hibari's, which its package brings."""


class LocalSettings(EmbeddedSettings, frozen=True, kw_only=True):
    """Settings of the voices of this machine."""

    own_voice: ClassVar[str] = DEFAULT_VOICE


def check_installed() -> None:
    """Raise `mesh.engines.extras.MissingExtra` if hibari is not installed. eSpeak NG may be missing."""
    require("local", "parley[local]", "hibari", "onnxruntime")


@asynccontextmanager
async def _open(settings: LocalSettings) -> AsyncIterator[SynthesisEngine]:
    from tts_proxy.engines.local.engine import local_engine

    async with opened(local_engine(settings)) as engine:
        yield engine


async def _check(settings: LocalSettings) -> Sequence[Finding]:
    from tts_proxy.embedded_check import says_a_word

    return await says_a_word("local", _open(settings), settings, "hibari-tts")


PLUGIN: EnginePlugin[LocalSettings, SynthesisEngine] = EnginePlugin(
    name="local",
    summary="hibari, which speaks English like a person, and eSpeak NG for other languages, on this machine",
    settings_type=LocalSettings,
    open=_open,
    check=_check,
    check_installed=check_installed,
    default_rank=50,
    memory=lambda _: Memory(250, "the voice hibari", "set PARLEY_TTS_ENGINE to espeak"),
)
