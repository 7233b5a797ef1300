"""Settings of the recognition proxy. Its engines have settings of their own, in their plugins."""

from typing import Annotated, ClassVar, Literal

from mesh.engines.plugins import EngineName
from mesh.settings import MetricsPort, Port, ServiceSettings, setting


class SttSettings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of the recognition proxy."""

    env_prefix: ClassVar[str] = "PARLEY_STT_"

    port: Port = 50052
    metrics_port: MetricsPort = 9152
    engine: Annotated[
        EngineName | None,
        setting(help="Recogniser to use. Not set: the one whose server is configured, else the best that can run."),
    ] = None
    # More than a conversation may be idle, so that the limit which can be explained to a person comes first.
    idle_limit_s: Annotated[
        float, setting(help="Seconds without any message from a caller before its stream is closed.", gt=0)
    ] = 660.0
    stall_limit_s: Annotated[
        float, setting(help="Seconds that a caller may leave events unread before its stream is closed.", gt=0)
    ] = 20.0
    expletives: Annotated[
        Literal["masked", "verbatim"],
        setting(
            help="Expletives among recognised words: only their first letter is shown (masked), or all (verbatim)."
        ),
    ] = "masked"
