"""The embedded voice as a plugin."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import ClassVar

from mesh.engines.extras import require
from mesh.engines.findings import Finding, fine, wrong
from mesh.engines.plugins import EnginePlugin
from mesh.errors import VoiceNotFound
from mesh.settings import SettingError, Settings
from tts_proxy.engine import Audio, SynthesisEngine
from tts_proxy.settings import Capacity, DefaultVoice, Patience, Rate

DEFAULT_VOICE = "en-us"


class EspeakSettings(Settings, frozen=True, kw_only=True):
    """Settings of the embedded voice."""

    env_prefix: ClassVar[str] = "PARLEY_TTS_"

    capacity: Capacity = 64
    voice: DefaultVoice = ""
    rate: Rate = 175
    patience_s: Patience = 0.3

    @property
    def default_voice(self) -> str:
        """The voice of a reply that names none."""
        return self.voice or DEFAULT_VOICE


def check_installed() -> None:
    """Raise `mesh.engines.extras.MissingExtra` if eSpeak NG is not installed."""
    require("espeak", "parley[embedded]", "espeakng_loader")


@asynccontextmanager
async def _open(settings: EspeakSettings) -> AsyncIterator[SynthesisEngine]:
    from tts_proxy.engines.espeak.engine import espeak_engine

    async with AsyncExitStack() as stack:
        try:
            engine = await stack.enter_async_context(espeak_engine(settings))
        except VoiceNotFound as error:
            raise SettingError(f"PARLEY_TTS_VOICE: {error.message}") from None
        yield engine


async def _check(settings: EspeakSettings) -> Sequence[Finding]:
    """Have it say a word."""
    import numpy as np

    from mesh.audio import SAMPLE_RATE

    try:
        async with _open(settings) as engine, engine.open("") as utterance:
            await utterance.speak("Parley.")
            await utterance.finish()
            pcm = b"".join([event.pcm async for event in utterance if isinstance(event, Audio)])
    except SettingError as error:
        return [wrong("espeak", str(error), "unset PARLEY_TTS_VOICE, or set it to a language: en-us")]
    if not np.frombuffer(pcm, "<i2").any():
        return [wrong("espeak", "it made no sound", "pip install --force-reinstall espeakng-loader")]
    length_s = len(pcm) / 2 / SAMPLE_RATE
    said = f'eSpeak NG has said "Parley", {length_s:.1f} s of speech, in the voice {settings.default_voice}'
    return [fine("espeak", said)]


PLUGIN: EnginePlugin[EspeakSettings, SynthesisEngine] = EnginePlugin(
    name="espeak",
    summary="over a hundred languages, on this machine without a GPU or a download; understandable, but robotic",
    settings_type=EspeakSettings,
    open=_open,
    check=_check,
    check_installed=check_installed,
    default_rank=100,
)
