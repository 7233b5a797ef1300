"""The edge as a process."""

import os

from prometheus_client import REGISTRY

from edge.server import serving
from edge.settings import EdgeSettings
from mesh import logs
from mesh.addresses import BadTarget
from mesh.server import run
from mesh.settings import SettingError, load


def main() -> None:
    """Run an edge as the environment says, until it is asked to stop. Raises `SettingError` before anything starts."""
    settings = load(EdgeSettings, os.environ)
    logs.configure("edge", settings.log_level, settings.log_format)
    try:
        run(_serve(settings))
    except BadTarget as error:
        raise SettingError(f"PARLEY_ORCHESTRATOR_TARGET or PARLEY_VOICES_TARGET: {error}") from None


async def _serve(settings: EdgeSettings) -> None:
    async with serving(settings, registry=REGISTRY) as server:
        await server.until_drained(settings.drain_limit_s)
