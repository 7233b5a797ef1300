"""The engine: a model, its decoder, and as many streams as they keep up with."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from mesh.errors import InvalidRequest
from mesh.settings import SettingError
from stt_proxy.engines.whisper.capacity import Capacity, capacity
from stt_proxy.engines.whisper.decoder import WhisperDecoder, decoder
from stt_proxy.engines.whisper.languages import tag_known
from stt_proxy.engines.whisper.model import load
from stt_proxy.recognition.detector import SpeechDetector
from stt_proxy.windowed.engine import WindowedEngine, windowed_engine
from stt_proxy.windowed.languages import SpokenLanguage

_log = structlog.get_logger()


@asynccontextmanager
async def whisper_engine(
    folder: Path, *, shortest: int | None = None, streams: int = 0, assumed_language: str = "en"
) -> AsyncIterator[WindowedEngine]:
    """Run the engine meanwhile with the model in a folder; it is warm when the block begins.

    `shortest` is the fewest samples of a window that the model decodes well (None: unknown), `streams` how many are
    admitted (0: as many as it keeps up with). Raises `UpstreamDown` for a model that cannot be loaded, `SettingError`
    for a language that it does not know.
    """
    async with _decoder(folder, shortest) as (decodes, multilingual):
        spoken = _spoken(assumed_language, multilingual=multilingual)
        took_s, limits = await _measured(decodes, streams)
        _log.info(
            "recogniser measured",
            decoding_ms=round(1000 * took_s),
            streams=limits.streams,
            flush_limit_s=limits.flush_limit_s,
        )
        async with windowed_engine(
            decodes,
            SpeechDetector,
            width=_processors(),
            capacity=limits.streams,
            flush_limit_s=limits.flush_limit_s,
            spoken=spoken,
        ) as engine:
            yield engine


async def measured(folder: Path, *, shortest: int | None = None, streams: int = 0) -> tuple[float, Capacity]:
    """What a window with 3 s of speech takes, in seconds of a processor, and what is kept up with therefore.

    Raises `UpstreamDown` for a model that cannot be loaded.
    """
    async with _decoder(folder, shortest) as (decodes, _):
        return await _measured(decodes, streams)


@asynccontextmanager
async def _decoder(folder: Path, shortest: int | None) -> AsyncIterator[tuple[WhisperDecoder, bool]]:
    """Load the model; its decoder, and whether it knows more than English."""
    width = _processors()
    model = await asyncio.to_thread(load, folder, width, shortest)
    with decoder(model, width) as decodes:
        yield decodes, model.multilingual


async def _measured(decodes: WhisperDecoder, streams: int) -> tuple[float, Capacity]:
    width = _processors()
    took_s = await decodes.measure(width)
    return took_s, capacity(took_s, width, streams)


def _spoken(assumed: str, *, multilingual: bool) -> Callable[[str], SpokenLanguage]:
    """How the tag that a caller gives becomes the language of a stream."""
    likely = tag_known(assumed, multilingual=multilingual)
    if likely is None:
        raise SettingError(f"PARLEY_STT_WHISPER_LANGUAGE={assumed} is no language that this model knows")

    def spoken(tag: str) -> SpokenLanguage:
        told = tag_known(tag, multilingual=multilingual)
        if told is None:
            raise InvalidRequest(f"this recogniser does not know the language {tag}", field="config.language")
        return SpokenLanguage(told, likely)

    return spoken


def _processors() -> int:
    """How many processors this process may use: so many windows are decoded at once, with a thread each."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
