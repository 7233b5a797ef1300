"""The edge as a process."""

import os

from prometheus_client import REGISTRY

from edge.server import serving
from edge.settings import EdgeSettings
from mesh import logs
from mesh.metrics import metrics_served
from mesh.rpc.server import run
from mesh.settings import load


def main() -> None:
    """Run an edge as the environment says, until it is asked to stop. Raises `SettingError`."""
    settings = load(EdgeSettings, os.environ)
    logs.configure("edge", settings.log_level, settings.log_format)
    run(_serve(settings))


async def _serve(settings: EdgeSettings) -> None:
    # `/metrics` of a port that edges share is answered by any of them: each then needs one of its own.
    async with (
        metrics_served(settings.host, settings.metrics_port),
        serving(settings, registry=REGISTRY) as server,
    ):
        await server.until_drained(settings.drain_limit_s)
