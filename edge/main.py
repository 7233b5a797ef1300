"""The edge as a process."""

from prometheus_client import REGISTRY

from edge.server import serving
from edge.settings import EdgeSettings
from mesh.process.metrics import metrics_served
from mesh.process.run import run_process


async def serve(settings: EdgeSettings) -> None:
    """Serve clients until the process is asked to stop and the last session is over."""
    # `/metrics` of a port that edges share is answered by any of them: each then needs one of its own.
    async with (
        metrics_served(settings.host, settings.metrics_port),
        serving(settings, registry=REGISTRY) as server,
    ):
        await server.until_drained(settings.drain_limit_s)


def main() -> None:
    """Read the settings, serve."""
    run_process("edge", EdgeSettings, serve)
