"""The engine: a model, its decoder, and as many streams as they keep up with."""

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import structlog

from mesh.errors import InvalidRequest
from mesh.settings import SettingError
from mesh.weights import Progress, WeightsSettings, WeightStore
from stt_proxy.engines.whisper.capacity import capacity
from stt_proxy.engines.whisper.decoder import decoder
from stt_proxy.engines.whisper.languages import tag_known
from stt_proxy.engines.whisper.model import WhisperModel, load
from stt_proxy.engines.whisper.models import MODELS
from stt_proxy.engines.whisper.settings import WhisperSettings
from stt_proxy.recognition.detector import SpeechDetector
from stt_proxy.windowed.engine import WindowedEngine, windowed_engine
from stt_proxy.windowed.languages import SpokenLanguage

_log = structlog.get_logger()


def _untold(_what: str, _done: int, _total: int) -> None:
    pass


async def model_folder(settings: WhisperSettings, weights: WeightsSettings, progress: Progress = _untold) -> Path:
    """The folder of the model that the settings name, which is fetched if need be.

    Raises `WeightsUnavailable`, and `SettingError` for a name that is none.
    """
    if model := MODELS.get(settings.model):
        return (await WeightStore(weights).obtain(model.weights, progress)).folder
    return _own_folder(settings.model)


def _own_folder(named: str) -> Path:
    folder = Path(named).expanduser()
    if missing := [name for name in ("model.bin", "config.json", "vocabulary.txt") if not (folder / name).is_file()]:
        raise SettingError(
            f"PARLEY_STT_MODEL={named} is neither {' nor '.join(MODELS)} nor a folder with {', '.join(missing)}"
        )
    return folder


@asynccontextmanager
async def whisper_engine(settings: WhisperSettings, folder: Path) -> AsyncIterator[WindowedEngine]:
    """Run the engine meanwhile with the model in a folder; it is warm when the block begins.

    Raises `UpstreamDown` for a model that cannot be loaded.
    """
    width = processors()
    shortest = MODELS[settings.model].shortest if settings.model in MODELS else None
    model = await asyncio.to_thread(load, folder, width, shortest)
    spoken = _spoken(model, settings.language)
    with decoder(model, width) as decodes:
        took_s = await decodes.measure(width)
        streams, flush_limit_s = capacity(took_s, width, settings.workers)
        _log.info(
            "recogniser measured",
            model=settings.model,
            decoding_ms=round(1000 * took_s),
            streams=streams,
            flush_limit_s=flush_limit_s,
        )
        async with windowed_engine(
            decodes, SpeechDetector, width=width, capacity=streams, flush_limit_s=flush_limit_s, spoken=spoken
        ) as engine:
            yield engine


def _spoken(model: WhisperModel, assumed: str) -> Callable[[str], SpokenLanguage]:
    """How the tag that a caller gives becomes the language of a stream."""
    likely = tag_known(assumed, multilingual=model.multilingual)
    if likely is None:
        raise SettingError(f"PARLEY_STT_LANGUAGE={assumed} is no language that this model knows")

    def spoken(tag: str) -> SpokenLanguage:
        told = tag_known(tag, multilingual=model.multilingual)
        if told is None:
            raise InvalidRequest(f"this recogniser does not know the language {tag}", field="config.language")
        return SpokenLanguage(told, likely)

    return spoken


def processors() -> int:
    """How many processors this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
