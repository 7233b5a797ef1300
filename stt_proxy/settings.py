"""Settings of the recognition proxy."""

import os
from typing import Annotated, ClassVar, Literal, TypeAlias

from mesh.settings import Port, setting
from moshi_client.settings import EngineSettings

_WORKERS_PER_CORE = 2

EngineName: TypeAlias = Literal["pocketsphinx", "moshi"]


class SttSettings(EngineSettings, frozen=True, kw_only=True):
    """Settings of the recognition proxy."""

    env_prefix: ClassVar[str] = "PARLEY_STT_"

    port: Port = 50052
    metrics_port: Annotated[int, setting(help="Port for Prometheus. 0: no such port.", ge=0, le=65_535)] = 9152
    engine: Annotated[
        EngineName | None,
        setting(help="Recogniser to use. Not set: moshi if a moshi-server is configured, else pocketsphinx."),
    ] = None
    urls: Annotated[
        tuple[str, ...],
        setting(
            help="URLs of moshi-servers for recognition, http(s) or ws(s). One may resolve to several servers.",
            env=("PARLEY_STT_URLS", "KYUTAI_STT_URL"),
        ),
    ] = ()
    capacity: Annotated[
        int, setting(help="Maximum number of concurrent streams on moshi-servers for this proxy.", ge=1, le=10_000)
    ] = 256
    delay_s: Annotated[
        float, setting(help="Seconds between a word's audio and the word, in moshi-server's model.", ge=0, le=10)
    ] = 0.5
    pause_head: Annotated[
        int,
        setting(help="Index of the moshi-server pause score to use, from 0. A higher index waits longer.", ge=0, le=31),
    ] = 2
    workers: Annotated[
        int,
        setting(help="Number of pocketsphinx processes, one per concurrent stream. 0: two per core.", ge=0, le=1_000),
    ] = 0
    # More than a conversation may be idle, so that the limit which can be explained to a person comes first.
    idle_limit_s: Annotated[
        float, setting(help="Seconds without any message from a caller before its stream is closed.", gt=0)
    ] = 660.0
    stall_limit_s: Annotated[
        float, setting(help="Seconds that a caller may leave events unread before its stream is closed.", gt=0)
    ] = 20.0

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
