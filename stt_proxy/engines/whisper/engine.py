"""The engine: a model, its decoder, and as many streams as it keeps up with."""
import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from mesh.errors import InvalidRequest
from stt_proxy.engines.whisper.decoder import decoder
from stt_proxy.engines.whisper.languages import name_of
from stt_proxy.engines.whisper.model import WhisperModel
from stt_proxy.windowed.engine import WindowedEngine, windowed_engine
from stt_proxy.windowed.languages import SpokenLanguage

@asynccontextmanager
async def whisper_engine(folder: Path, *, width: int, capacity: int) -> AsyncIterator[WindowedEngine]:
    model = await asyncio.to_thread(WhisperModel, folder, width)
    def spoken(tag: str) -> SpokenLanguage:
        known = name_of(tag)
        if known is None or (known and not model.multilingual and known != "en"):
            raise InvalidRequest(f"this recogniser does not know the language {tag}", field="config.language")
        return SpokenLanguage(known, "en")
    with decoder(model, width) as decodes:
        async with windowed_engine(decodes, width=width, capacity=capacity, flush_limit_s=1.0, spoken=spoken) as engine:
            yield engine
