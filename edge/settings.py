"""What the edge can be told."""

from typing import Annotated, ClassVar

from mesh.settings import Port, ServiceSettings, setting


class EdgeSettings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of the edge. Metrics are at `/metrics` of its port; edges that share one want a `metrics_port` each."""

    env_prefix: ClassVar[str] = "PARLEY_EDGE_"

    port: Port = 8000
    orchestrator_target: Annotated[
        str,
        setting(
            help="Where conversations are held: host:port, dns:///host:port or a list.",
            env="PARLEY_ORCHESTRATOR_TARGET",
        ),
    ] = "127.0.0.1:50051"
    voices_target: Annotated[
        str, setting(help="Where the voices are: host:port, dns:///host:port or a list.", env="PARLEY_VOICES_TARGET")
    ] = "127.0.0.1:50054"
    cors_origins: Annotated[tuple[str, ...], setting(help="The origins whose pages may use the REST routes.")] = (
        "http://localhost",
        "http://localhost:3000",
    )
    uploads: Annotated[int, setting(help="How many recordings may be uploaded at once.", ge=1, le=1_000)] = 8
    share_port: Annotated[
        bool, setting(help="Whether other edges may listen on the same port; the system then shares out connections.")
    ] = False
