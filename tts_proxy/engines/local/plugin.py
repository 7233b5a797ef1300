"""The voices of this machine as a plugin."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import ClassVar

from mesh.engines.extras import require
from mesh.engines.findings import Finding, fine, wrong
from mesh.engines.plugins import EnginePlugin, Memory
from mesh.errors import VoiceNotFound
from mesh.settings import SettingError, Settings
from tts_proxy.engine import Audio, SynthesisEngine
from tts_proxy.settings import Capacity, DefaultVoice, Patience, Rate

DEFAULT_VOICE = "en-us-heart"
"""hibari's, which its package brings."""


class LocalSettings(Settings, frozen=True, kw_only=True):
    """Settings of the voices of this machine."""

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
    """Raise `mesh.engines.extras.MissingExtra` if hibari is not installed. eSpeak NG may be missing."""
    require("local", "parley[local]", "hibari", "onnxruntime")


@asynccontextmanager
async def _open(settings: LocalSettings) -> AsyncIterator[SynthesisEngine]:
    from tts_proxy.engines.local.engine import local_engine

    async with AsyncExitStack() as stack:
        try:
            engine = await stack.enter_async_context(local_engine(settings))
        except VoiceNotFound as error:
            raise SettingError(f"PARLEY_TTS_VOICE: {error.message}") from None
        yield engine


async def _check(settings: LocalSettings) -> Sequence[Finding]:
    """Have it say a word."""
    import time

    import numpy as np

    from mesh.audio import SAMPLE_RATE

    try:
        async with _open(settings) as engine, engine.open("") as utterance:
            begun = time.perf_counter()
            await utterance.speak("Parley.")
            await utterance.finish()
            pcm = b"".join([event.pcm async for event in utterance if isinstance(event, Audio)])
            took_ms = (time.perf_counter() - begun) * 1_000
    except SettingError as error:
        return [wrong("local", str(error), f"unset PARLEY_TTS_VOICE, or set it to {DEFAULT_VOICE}")]
    if not np.frombuffer(pcm, "<i2").any():
        return [wrong("local", "it made no sound", "pip install --force-reinstall hibari-tts")]
    length_s = len(pcm) / 2 / SAMPLE_RATE
    said = f'"Parley" was said in {took_ms:.0f} ms, {length_s:.1f} s of speech, in the voice {settings.default_voice}'
    return [fine("local", said)]


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
