"""What the synthesis proxy can be told. Its engines have settings of their own, in their plugins."""

from typing import Annotated, ClassVar, TypeAlias

from mesh.plugins import EngineName
from mesh.settings import MetricsPort, Port, ServiceSettings, setting

Capacity: TypeAlias = Annotated[
    int,
    setting(help="How many replies the engine may speak at once.", env="PARLEY_TTS_CAPACITY", ge=1, le=10_000),
]
"""A setting that engines share: its variable limits the engine that runs."""

DefaultVoice: TypeAlias = Annotated[
    str,
    setting(
        help="The voice of a reply that names none. Left out: the engine's own, en-us of espeak.",
        env="PARLEY_TTS_VOICE",
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
            help="Where custom voices are kept: host:port, dns:///host:port or a list.", env="PARLEY_VOICES_TARGET"
        ),
    ] = "127.0.0.1:50054"
    engine: Annotated[
        EngineName | None,
        setting(help="What speaks. Left out: moshi where a moshi-server is named, else the best that can run."),
    ] = None
    idle_limit_s: Annotated[
        float, setting(help="How many seconds a caller may send no text before it is taken for gone.", gt=0)
    ] = 60.0
    stall_limit_s: Annotated[float, setting(help="How many seconds a caller may leave speech unread.", gt=0)] = 120.0
