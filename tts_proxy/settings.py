"""What the synthesis proxy can be told."""

from typing import Annotated, ClassVar, Literal, TypeAlias

from mesh.settings import MetricsPort, Port, setting
from moshi_client.settings import EngineSettings

EngineName: TypeAlias = Literal["espeak", "moshi"]


class TtsSettings(EngineSettings, frozen=True, kw_only=True):
    """Settings of the synthesis proxy."""

    env_prefix: ClassVar[str] = "PARLEY_TTS_"

    port: Port = 50053
    metrics_port: MetricsPort = 9153
    capacity: Annotated[int, setting(help="How many replies may be spoken at once.", ge=1, le=10_000)] = 64
    voices_target: Annotated[
        str,
        setting(
            help="Where custom voices are kept: host:port, dns:///host:port or a list.", env="PARLEY_VOICES_TARGET"
        ),
    ] = "127.0.0.1:50054"
    engine: Annotated[
        EngineName | None, setting(help="What speaks. Left out: moshi where a moshi-server is named, else espeak.")
    ] = None
    urls: Annotated[
        tuple[str, ...],
        setting(
            help="The moshi-servers that speak: http(s) or ws(s) URLs, each of which may name several servers.",
            env=("PARLEY_TTS_URLS", "KYUTAI_TTS_URL"),
        ),
    ] = ()
    voice: Annotated[
        str, setting(help="The voice of a reply that names none. Left out: en-us of espeak, moshi-server's own.")
    ] = ""
    rate: Annotated[int, setting(help="Words per minute of the embedded voice.", ge=80, le=450)] = 175
    patience_s: Annotated[
        float,
        setting(help="How many seconds text may wait for the end of its clause before it is spoken.", gt=0, le=10),
    ] = 0.3
    idle_limit_s: Annotated[
        float, setting(help="How many seconds a caller may send no text before it is taken for gone.", gt=0)
    ] = 60.0
    stall_limit_s: Annotated[float, setting(help="How many seconds a caller may leave speech unread.", gt=0)] = 120.0

    @property
    def chosen_engine(self) -> EngineName:
        """What speaks."""
        return self.engine or ("moshi" if self.urls else "espeak")

    @property
    def server_urls(self) -> tuple[str, ...]:
        """Where moshi-servers are; by default where one listens that was started as Kyutai's documentation says."""
        return self.urls or ("ws://localhost:8089",)
