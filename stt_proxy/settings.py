"""What the recognition proxy can be told."""

import os
from typing import Annotated, ClassVar

from mesh.settings import Port, ServiceSettings, setting

_WORKERS_PER_CORE = 2


class SttSettings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of the recognition proxy."""

    env_prefix: ClassVar[str] = "PARLEY_STT_"

    port: Port = 50052
    metrics_port: Annotated[int, setting(help="The port Prometheus reads; 0: none is opened.", ge=0, le=65_535)] = 9152
    workers: Annotated[
        int,
        setting(help="How many streams are recognised at once, each by a process; 0: two per core.", ge=0, le=1_000),
    ] = 0
    # More than a conversation may be idle, so that the limit which can be explained to a person comes first.
    idle_limit_s: Annotated[
        float, setting(help="How many seconds a caller may send nothing before it is taken for gone.", gt=0)
    ] = 660.0
    stall_limit_s: Annotated[float, setting(help="How many seconds a caller may leave events unread.", gt=0)] = 20.0

    @property
    def capacity(self) -> int:
        """How many workers there are to be."""
        return self.workers or _WORKERS_PER_CORE * (os.cpu_count() or 1)
