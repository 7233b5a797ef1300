"""What the recognition proxy can be told."""

import os
from typing import Annotated, ClassVar, Literal, TypeAlias

from mesh.settings import MetricsPort, Port, setting
from moshi_client.settings import EngineSettings

_WORKERS_PER_CORE = 2

EngineName: TypeAlias = Literal["pocketsphinx", "moshi"]


class SttSettings(EngineSettings, frozen=True, kw_only=True):
    """Settings of the recognition proxy."""

    env_prefix: ClassVar[str] = "PARLEY_STT_"

    port: Port = 50052
    metrics_port: MetricsPort = 9152
    engine: Annotated[
        EngineName | None,
        setting(help="What recognises. Left out: moshi where a moshi-server is named, else pocketsphinx."),
    ] = None
    urls: Annotated[
        tuple[str, ...],
        setting(
            help="The moshi-servers that recognise: http(s) or ws(s) URLs, each of which may name several servers.",
            env=("PARLEY_STT_URLS", "KYUTAI_STT_URL"),
        ),
    ] = ()
    capacity: Annotated[
        int, setting(help="How many streams moshi-servers may recognise for this proxy at once.", ge=1, le=10_000)
    ] = 256
    delay_s: Annotated[
        float, setting(help="How many seconds after its audio a word comes from moshi-server's model.", ge=0, le=10)
    ] = 0.5
    pause_head: Annotated[
        int,
        setting(help="Which of moshi-server's pause scores is used, from 0: a later one waits longer.", ge=0, le=31),
    ] = 2
    workers: Annotated[
        int,
        setting(
            help="How many streams pocketsphinx recognises at once, a process each; 0: two per core.", ge=0, le=1_000
        ),
    ] = 0
    # More than a conversation may be idle, so that the limit which can be explained to a person comes first.
    idle_limit_s: Annotated[
        float, setting(help="How many seconds a caller may send nothing before it is taken for gone.", gt=0)
    ] = 660.0
    stall_limit_s: Annotated[float, setting(help="How many seconds a caller may leave events unread.", gt=0)] = 20.0

    @property
    def chosen_engine(self) -> EngineName:
        """What recognises."""
        return self.engine or ("moshi" if self.urls else "pocketsphinx")

    @property
    def server_urls(self) -> tuple[str, ...]:
        """Where moshi-servers are; by default where one listens that was started as Kyutai's documentation says."""
        return self.urls or ("ws://localhost:8090",)

    @property
    def worker_count(self) -> int:
        """How many workers there are to be."""
        return self.workers or _WORKERS_PER_CORE * (os.cpu_count() or 1)
