"""Channels to other services, with the options that every one of them has."""

import grpc

_OPTIONS = (
    # A replica that restarts is found again at once, not after gRPC's usual second, two, four, …
    ("grpc.initial_reconnect_backoff_ms", 100),
    ("grpc.max_reconnect_backoff_ms", 1_000),
    # Despite its name: how long one attempt to connect may take.
    ("grpc.min_reconnect_backoff_ms", 1_000),
    # A server that hangs, or whose machine is gone without a word, is noticed within 1.75 s. Threads of gRPC's own
    # answer pings, so a process that is only busy does. The core heeds its ping time-out only, not the one for
    # keepalive (grpc/grpc#39239).
    ("grpc.keepalive_time_ms", 500),
    ("grpc.http2.ping_timeout_ms", 1_250),
    ("grpc.http2.max_pings_without_data", 0),
    # Windows stay small, so that a reader that stops is felt by its sender: otherwise 87 s of a reply fit in between.
    ("grpc.http2.bdp_probe", 0),
    # A proxy from the environment is for the way out, not for neighbours.
    ("grpc.enable_http_proxy", 0),
)


def open_channel(address: str) -> grpc.aio.Channel:
    """A channel to "host:port". It connects when it is first used. The caller closes it."""
    return grpc.aio.insecure_channel(address, options=_OPTIONS)
