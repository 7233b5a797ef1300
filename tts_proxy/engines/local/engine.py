"""Both engines as one of the proxy's."""

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager

from mesh.extras import MissingExtra
from tts_proxy.clauses.engine import ClauseEngine
from tts_proxy.engines.espeak.engine import DEFAULT_VOICE as ESPEAK_VOICE
from tts_proxy.engines.espeak.engine import espeak_voices
from tts_proxy.engines.hibari.engine import HibariOptions, hibari_voices
from tts_proxy.engines.local.voices import LocalVoices


@asynccontextmanager
async def local_engine(options: HibariOptions) -> AsyncIterator[ClauseEngine]:
    """Load hibari, and eSpeak where it is installed, and keep them while the block runs.

    The default voice may be of either. Raises `VoiceNotFound` if it does not exist, `MissingExtra` without hibari.
    """
    async with AsyncExitStack() as stack:
        hibari = await stack.enter_async_context(hibari_voices(rate=options.rate))
        try:
            espeak = await stack.enter_async_context(espeak_voices(voice=ESPEAK_VOICE, rate=options.rate))
        except MissingExtra:
            espeak = None
        voices = LocalVoices(hibari, espeak, default=options.voice)
        yield ClauseEngine(voices, capacity=options.capacity, patience_s=options.patience_s)
