"""eSpeak NG as an engine of the proxy's."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from dataclasses import dataclass

from mesh.extras import require
from tts_proxy.clauses.engine import ClauseEngine
from tts_proxy.engines.espeak.library import library
from tts_proxy.engines.espeak.speaker import EspeakVoices

DEFAULT_VOICE = "en-us"


@dataclass(frozen=True, slots=True, kw_only=True)
class EspeakOptions:
    """How the engine works."""

    capacity: int = 64
    """Utterances at once."""
    voice: str = DEFAULT_VOICE
    """The default voice."""
    rate: int = 175
    """Words per minute, 80 to 450."""
    patience_s: float = 0.3
    """How long text may wait for the end of its clause."""


@asynccontextmanager
async def espeak_engine(options: EspeakOptions) -> AsyncIterator[ClauseEngine]:
    """Load the engine and keep it while the block runs.

    Raises `VoiceNotFound` if its default voice does not exist, `MissingExtra` if its packages are not installed.
    """
    async with espeak_voices(voice=options.voice, rate=options.rate) as voices:
        yield ClauseEngine(voices, capacity=options.capacity, patience_s=options.patience_s)


@asynccontextmanager
async def espeak_voices(*, voice: str, rate: int) -> AsyncIterator[EspeakVoices]:
    """Load the library's voices and keep them while the block runs. Raises what `espeak_engine` raises."""
    require("the embedded voice", "embedded", "espeakng_loader")
    thread = ThreadPoolExecutor(max_workers=1, thread_name_prefix="espeak")
    try:
        loaded = await asyncio.get_running_loop().run_in_executor(thread, library)
        yield EspeakVoices(loaded, thread, voice=voice, rate=rate)
    finally:
        thread.shutdown(wait=False, cancel_futures=True)
