"""Pocket TTS as a plugin."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, ClassVar

from mesh.engines.extras import require
from mesh.engines.findings import Finding
from mesh.engines.plugins import EnginePlugin, Memory
from mesh.settings import Settings, setting
from tts_proxy.engine import SynthesisEngine
from tts_proxy.settings import Patience


class PocketSettings(Settings, frozen=True, kw_only=True):
    """Settings of Pocket TTS."""

    env_prefix: ClassVar[str] = "PARLEY_TTS_POCKET_"

    language: Annotated[
        str,
        setting(
            help="Language that Pocket TTS speaks: english, french, german, italian, spanish, portuguese or dutch; or"
            " another of its models by name."
        ),
    ] = "english"
    voices: Annotated[
        tuple[str, ...],
        setting(
            help="Voices of Pocket TTS to load: its own by name, a recording to clone or a .safetensors file by path,"
            " or hf://… . The first is the default. Not set: the voice that it has for the language."
        ),
    ] = ()
    quantize: Annotated[
        bool, setting(help="Whether Pocket TTS computes in 8-bit integers: less memory, faster on x86.")
    ] = False
    capacity: Annotated[int, setting(help="Maximum number of replies that Pocket TTS speaks at once.", ge=1, le=64)] = 4
    patience_s: Patience = 0.3


def check_installed() -> None:
    """Raise `mesh.engines.extras.MissingExtra` if Pocket TTS is not installed."""
    require("pocket", "parley[pocket]", "pocket_tts", "torch")


@asynccontextmanager
async def _open(settings: PocketSettings) -> AsyncIterator[SynthesisEngine]:
    from tts_proxy.engines.pocket.engine import pocket_engine

    async with pocket_engine(settings) as engine:
        yield engine


async def _check(settings: PocketSettings) -> Sequence[Finding]:
    from tts_proxy.engines.pocket.check import says_a_word

    return await says_a_word(settings)


PLUGIN: EnginePlugin[PocketSettings, SynthesisEngine] = EnginePlugin(
    name="pocket",
    summary="Kyutai's Pocket TTS: seven languages and cloned voices, on this machine without a GPU",
    settings_type=PocketSettings,
    open=_open,
    check=_check,
    check_installed=check_installed,
    memory=lambda _: Memory(1_000, "Pocket TTS", "set PARLEY_TTS_ENGINE to local"),
)
