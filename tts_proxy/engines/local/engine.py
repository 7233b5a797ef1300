"""Both engines as one of the proxy's."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from mesh.extras import MissingExtra
from tts_proxy.clauses.engine import ClauseEngine
from tts_proxy.engines.espeak.engine import espeak_voices
from tts_proxy.engines.espeak.plugin import DEFAULT_VOICE as ESPEAKS_DEFAULT_VOICE
from tts_proxy.engines.hibari.voices import hibari_voices
from tts_proxy.engines.local.plugin import LocalSettings, check_installed
from tts_proxy.engines.local.voices import LocalVoices


@asynccontextmanager
async def local_engine(settings: LocalSettings) -> AsyncIterator[ClauseEngine]:
    """Load hibari, and eSpeak where it is installed, and keep them while the block runs.

    Raises `VoiceNotFound` if neither has the default voice, `MissingExtra` without hibari.
    """
    check_installed()
    async with AsyncExitStack() as stack:
        hibari = await stack.enter_async_context(hibari_voices(rate=settings.rate))
        try:
            espeak = await stack.enter_async_context(espeak_voices(voice=ESPEAKS_DEFAULT_VOICE, rate=settings.rate))
        except MissingExtra:
            espeak = None
        voices = LocalVoices(hibari, espeak, default=settings.default_voice)
        yield ClauseEngine(voices, capacity=settings.capacity, patience_s=settings.patience_s)
