"""Voices of servers with OpenAI's audio API as a plugin."""

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Annotated, ClassVar, Literal

from mesh.engines.findings import Finding
from mesh.engines.plugins import EnginePlugin
from mesh.engines.server_urls import parse_urls
from mesh.settings import SettingError, setting
from openai_audio.settings import OpenAiAudioSettings
from tts_proxy.engine import SynthesisEngine
from tts_proxy.settings import Capacity, DefaultVoice, Patience


class OpenAiTtsSettings(OpenAiAudioSettings, frozen=True, kw_only=True):
    """Settings of the voices."""

    env_prefix: ClassVar[str] = "PARLEY_TTS_OPENAI_"

    model: Annotated[str, setting(help="Model that speaks, by the server's name for it.")] = "tts-1"
    format: Annotated[
        Literal["pcm", "wav"], setting(help="Format to ask for: plain samples, or WAV, which tells their rate.")
    ] = "pcm"
    sample_rate: Annotated[
        int,
        setting(
            help="Rate of plain samples in Hz, unless the server tells it.",
            env="PARLEY_TTS_OPENAI_SAMPLE_RATE_HZ",
            ge=8_000,
            le=48_000,
        ),
    ] = 24_000
    capacity: Capacity = 64
    voice: DefaultVoice = ""
    patience_s: Patience = 0.3

    @property
    def default_voice(self) -> str:
        """The voice of a reply that names none: one that OpenAI has, and others have an equal for."""
        return self.voice or "alloy"


@asynccontextmanager
async def _open(settings: OpenAiTtsSettings) -> AsyncIterator[SynthesisEngine]:
    from mesh.engines.lease_metrics import LeaseMetrics
    from tts_proxy.engines.openai.engine import SpeechOptions, openai_speech_engine

    if not settings.urls:
        raise SettingError("PARLEY_TTS_OPENAI_URLS is not set: expected the URL of a server with OpenAI's audio API")
    async with openai_speech_engine(
        parse_urls(settings.urls),
        SpeechOptions(
            model=settings.model,
            voice=settings.default_voice,
            response_format=settings.format,
            sample_rate=settings.sample_rate,
            extra=settings.extra_body or {},
        ),
        key=settings.api_key or "",
        options=settings.options(settings.capacity),
        meter=LeaseMetrics("tts", settings.capacity),
        probed_every_s=settings.probe_interval_s,
        patience_s=settings.patience_s,
    ) as engine:
        yield engine


async def _check(settings: OpenAiTtsSettings) -> Sequence[Finding]:
    from openai_audio.check import check_servers

    return await check_servers(settings, settings.model)


PLUGIN: EnginePlugin[OpenAiTtsSettings, SynthesisEngine] = EnginePlugin(
    name="openai",
    summary="voices of a server with OpenAI's audio API, such as Kokoro-FastAPI or Speaches",
    settings_type=OpenAiTtsSettings,
    open=_open,
    check=_check,
    is_configured=lambda settings: bool(settings.urls),
)
