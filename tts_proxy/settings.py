"""Settings of the synthesis proxy. Its engines have settings of their own, in their plugins."""

from typing import Annotated, ClassVar, TypeAlias

from mesh.engines.plugins import EngineName
from mesh.settings import MetricsPort, Port, ServiceSettings, setting

Capacity: TypeAlias = Annotated[
    int,
    setting(help="Maximum number of concurrent replies.", env="PARLEY_TTS_CAPACITY", ge=1, le=10_000),
]
"""A setting that engines share: its variable limits the engine that runs."""

DefaultVoice: TypeAlias = Annotated[
    str,
    setting(
        help="Default voice. Not set: the engine's own, en-us-heart for local, en-us for espeak.",
        env="PARLEY_TTS_VOICE",
    ),
]
"""A setting that engines share."""


Rate: TypeAlias = Annotated[
    int,
    setting(help="Speed of the voices of this machine in words per minute.", env="PARLEY_TTS_RATE_WPM", ge=80, le=450),
]
"""A setting that engines share."""

Patience: TypeAlias = Annotated[
    float,
    setting(
        help="Seconds that text may wait for the end of its clause before it is synthesised.",
        env="PARLEY_TTS_PATIENCE_S",
        gt=0,
        le=10,
    ),
]
"""A setting that engines share."""


class TtsSettings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of the synthesis proxy."""

    env_prefix: ClassVar[str] = "PARLEY_TTS_"

    port: Port = 50053
    metrics_port: MetricsPort = 9153
    voices_target: Annotated[
        str,
        setting(
            help="Address of the voice service, for custom voices: host:port, dns:///host:port or a list.",
            env="PARLEY_MESH_VOICES_TARGET",
        ),
    ] = "127.0.0.1:50054"
    engine: Annotated[
        EngineName | None,
        setting(help="Synthesiser to use. Not set: the one whose server is configured, else the best that can run."),
    ] = None
    idle_limit_s: Annotated[
        float, setting(help="Seconds without any text from a caller before its stream is closed.", gt=0)
    ] = 60.0
    stall_limit_s: Annotated[
        float, setting(help="Seconds that a caller may leave audio unread before its stream is closed.", gt=0)
    ] = 120.0
