"""The edge as a process."""

import os

from prometheus_client import REGISTRY

from edge.server import serving
from edge.settings import EdgeSettings
from mesh import logs
from mesh.server import run
from mesh.settings import load


def main() -> None:
    """Run an edge as the environment says, until it is asked to stop. Raises `SettingError`."""
    settings = load(EdgeSettings, os.environ)
    logs.configure("edge", settings.log_level, settings.log_format)
    run(_serve(settings))


async def _serve(settings: EdgeSettings) -> None:
    async with serving(settings, registry=REGISTRY) as server:
        await server.until_drained(settings.drain_limit_s)
