"""Settings of the synthesis proxy."""

from typing import Annotated, ClassVar, Literal, TypeAlias

from mesh.settings import Port, setting
from moshi_client.settings import EngineSettings

EngineName: TypeAlias = Literal["espeak", "moshi"]


class TtsSettings(EngineSettings, frozen=True, kw_only=True):
    """Settings of the synthesis proxy."""

    env_prefix: ClassVar[str] = "PARLEY_TTS_"

    port: Port = 50053
    metrics_port: Annotated[int, setting(help="Port for Prometheus. 0: no such port.", ge=0, le=65_535)] = 9153
    capacity: Annotated[int, setting(help="Maximum number of concurrent replies.", ge=1, le=10_000)] = 64
    voices_target: Annotated[
        str,
        setting(
            help="Address of the voice service, for custom voices: host:port, dns:///host:port or a list.",
            env="PARLEY_VOICES_TARGET",
        ),
    ] = "127.0.0.1:50054"
    engine: Annotated[
        EngineName | None,
        setting(help="Synthesiser to use. Not set: moshi if a moshi-server is configured, else espeak."),
    ] = None
    urls: Annotated[
        tuple[str, ...],
        setting(
            help="URLs of moshi-servers for synthesis, http(s) or ws(s). One may resolve to several servers.",
            env=("PARLEY_TTS_URLS", "KYUTAI_TTS_URL"),
        ),
    ] = ()
    voice: Annotated[str, setting(help="Default voice. Not set: en-us for espeak; moshi-server's own.")] = ""
    rate: Annotated[int, setting(help="Speed of the embedded voice in words per minute.", ge=80, le=450)] = 175
    patience_s: Annotated[
        float,
        setting(help="Seconds that text may wait for the end of its clause before it is synthesised.", gt=0, le=10),
    ] = 0.3
    idle_limit_s: Annotated[
        float, setting(help="Seconds without any text from a caller before its stream is closed.", gt=0)
    ] = 60.0
    stall_limit_s: Annotated[
        float, setting(help="Seconds that a caller may leave audio unread before its stream is closed.", gt=0)
    ] = 120.0

    @property
    def chosen_engine(self) -> EngineName:
        """What speaks."""
        return self.engine or ("moshi" if self.urls else "espeak")

    @property
    def server_urls(self) -> tuple[str, ...]:
        """Where moshi-servers are; by default where one listens that was started as Kyutai's documentation says."""
        return self.urls or ("ws://localhost:8089",)
