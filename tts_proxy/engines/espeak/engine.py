"""eSpeak NG as an engine of the proxy's."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager

from tts_proxy.clauses.engine import ClauseEngine
from tts_proxy.engines.espeak.library import library
from tts_proxy.engines.espeak.plugin import EspeakSettings, check_installed
from tts_proxy.engines.espeak.speaker import EspeakVoices


@asynccontextmanager
async def espeak_engine(settings: EspeakSettings) -> AsyncIterator[ClauseEngine]:
    """Load the engine and keep it while the block runs.

    Raises `VoiceNotFound` if its default voice does not exist, `MissingExtra` if its packages are not installed.
    """
    async with espeak_voices(voice=settings.default_voice, rate=settings.rate) as voices:
        yield ClauseEngine(voices, capacity=settings.capacity, patience_s=settings.patience_s)


@asynccontextmanager
async def espeak_voices(*, voice: str, rate: int) -> AsyncIterator[EspeakVoices]:
    """Load the library's voices and keep them while the block runs. Raises what `espeak_engine` raises."""
    check_installed()
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="espeak")
    try:
        loaded = await asyncio.get_running_loop().run_in_executor(thread, library)
        yield EspeakVoices(loaded, thread, voice=voice, rate=rate)
    finally:
        thread.shutdown(wait=False, cancel_futures=True)
