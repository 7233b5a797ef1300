"""Both engines as one of the proxy's."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from mesh.engines.extras import MissingExtra
from tts_proxy.clauses.engine import ClauseEngine
from tts_proxy.engines.espeak.engine import espeak_voices
from tts_proxy.engines.espeak.plugin import DEFAULT_VOICE as ESPEAKS_DEFAULT_VOICE
from tts_proxy.engines.hibari.voices import called, files_of_voices, hibari_voices
from tts_proxy.engines.local.plugin import LocalSettings, check_installed
from tts_proxy.engines.local.voices import LocalVoices


@asynccontextmanager
async def local_engine(settings: LocalSettings) -> AsyncIterator[ClauseEngine]:
    """Load hibari, and eSpeak where it is installed, and keep them while the block runs.

    Raises `VoiceNotFound` if neither has the default voice, `MissingExtra` without hibari.
    """
    check_installed()
    async with AsyncExitStack() as stack:
        try:
            espeak = await stack.enter_async_context(espeak_voices(voice=ESPEAKS_DEFAULT_VOICE, rate=settings.rate))
        except MissingExtra:
            espeak = None
        if espeak and settings.default_voice not in map(called, files_of_voices()):
            # Refuse a wrong name before the voices of hibari are loaded, which takes seconds.
            espeak.speaker(settings.default_voice)
        hibari = await stack.enter_async_context(hibari_voices(rate=settings.rate))
        voices = LocalVoices(hibari, espeak, default=settings.default_voice)
        yield ClauseEngine(voices, capacity=settings.capacity, patience_s=settings.patience_s)
