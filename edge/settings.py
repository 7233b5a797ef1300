"""Settings of the edge."""

from typing import Annotated, ClassVar, TypeAlias

import msgspec

from edge.access.origins import SAME
from mesh.settings import Port, ServiceSettings, setting

_ORIGIN = r"[a-z][a-z0-9+.-]*://[^/\sA-Z]+"

CorsOrigin: TypeAlias = Annotated[
    str,
    msgspec.Meta(pattern=rf"^({_ORIGIN}|\*)$", title="an origin as browsers write it (https://example.org:8443), or *"),
]
WebSocketOrigin: TypeAlias = Annotated[
    str, msgspec.Meta(pattern=rf"^({_ORIGIN}|\*|null|{SAME})$", title="an origin, *, null, or same")
]
Peer: TypeAlias = Annotated[
    str, msgspec.Meta(pattern=r"^([0-9a-fA-F:.]+(/\d+)?|\*)$", title="an IP address, a network (10.0.0.0/8), or *")
]


class EdgeSettings(ServiceSettings, frozen=True, kw_only=True):
    """Settings of the edge. Its port serves `/metrics`, too; edges that share a port each need a `metrics_port`."""

    env_prefix: ClassVar[str] = "PARLEY_EDGE_"

    port: Port = 8000
    orchestrator_target: Annotated[
        str,
        setting(
            help="Address of the orchestrators: host:port, dns:///host:port or a list.",
            env="PARLEY_MESH_ORCHESTRATOR_TARGET",
        ),
    ] = "127.0.0.1:50051"
    voices_target: Annotated[
        str,
        setting(
            help="Address of the voice service: host:port, dns:///host:port or a list.", env="PARLEY_MESH_VOICES_TARGET"
        ),
    ] = "127.0.0.1:50054"
    redis_url: Annotated[
        Annotated[str, msgspec.Meta(pattern=r"^(rediss?|unix)://")] | None,
        setting(
            help="URL of the Redis server that edges share, so that a client may resume at any of them. Not set: only"
            " at the edge it was connected to.",
            env=("PARLEY_EDGE_REDIS_URL", "KYUTAI_REDIS_URL"),
            secret=True,
        ),
    ] = None
    cors_origins: Annotated[
        tuple[CorsOrigin, ...],
        setting(help="Origins whose pages may use the REST routes and open WebSockets; *: any."),
    ] = ("http://localhost", "http://localhost:3000")
    websocket_origins: Annotated[
        tuple[WebSocketOrigin, ...],
        setting(
            help="Origins, besides those of CORS_ORIGINS, whose pages may open WebSockets and send recordings; same:"
            " the edge's own, *: any."
        ),
    ] = (SAME,)
    sessions_per_address: Annotated[
        int, setting(help="Maximum number of conversations per client address; 0: no limit.", ge=0)
    ] = 0
    trusted_proxies: Annotated[
        tuple[Peer, ...],
        setting(help="Proxies whose X-Forwarded-For, -Proto and -Host headers are trusted; *: every peer."),
    ] = ()
    uploads: Annotated[int, setting(help="Maximum number of simultaneous uploads.", ge=1, le=1_000)] = 8
    uploads_per_address: Annotated[
        int, setting(help="Maximum number of simultaneous uploads per client address; 0: no limit.", ge=0)
    ] = 0
    donations_per_address_per_day: Annotated[
        int, setting(help="Maximum number of donated recordings per client address and day; 0: no limit.", ge=0)
    ] = 100
    overload_lag_s: Annotated[
        float,
        setting(
            help="Seconds of event-loop lag (median of 2 s) from which new conversations are refused. So they are by a "
            "process that was idle for less than 10 % of 2 s. 0: never.",
            ge=0,
            le=10,
        ),
    ] = 0.25
    share_port: Annotated[
        bool, setting(help="Let other edges listen on the same port; the kernel distributes connections.")
    ] = False
