"""The responder's process."""

import math
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime

import structlog
import uvicorn
import uvloop

from mesh import logs
from mesh.metrics import metrics_served, version
from mesh.ports import PortTaken, authority
from mesh.settings import load
from mesh.signals import StopRequests, stop_requests
from mesh.tasks import beside
from responder.app import create_app
from responder.settings import ResponderSettings

log = structlog.get_logger()


def main() -> None:
    """Serve until SIGTERM or SIGINT. Raises `mesh.settings.SettingError` before anything starts."""
    settings = load(ResponderSettings, os.environ)
    logs.configure("responder", settings.log_level, settings.log_format)
    try:
        uvloop.run(serve(settings))
    except PortTaken as error:
        log.error(str(error))  # noqa: TRY400 - the trace would tell nothing more
        raise SystemExit(1) from None


async def serve(settings: ResponderSettings) -> None:
    """Serve the API and the metrics, each on its port. Raises `PortTaken` for the metrics' port."""
    server = _Server(
        uvicorn.Config(
            create_app(token_delay_s=settings.token_delay_s, now=_local_time),
            host=settings.host,
            port=settings.port,
            ws="none",
            lifespan="off",
            log_config=None,
            # "serving" below says it, without an address that people would take for the page's.
            log_level="warning",
            access_log=False,
            timeout_graceful_shutdown=math.ceil(settings.drain_limit_s),
        )
    )
    with stop_requests() as requests:
        async with metrics_served(settings.host, settings.metrics_port), beside(_stop(server, requests)):
            await server.serve()


async def _stop(server: uvicorn.Server, requests: StopRequests) -> None:
    await requests.stop.wait()
    server.should_exit = True
    await requests.at_once.wait()
    server.force_exit = True


class _Server(uvicorn.Server):
    """Says where it listens once it does, and leaves signals to `stop_requests`."""

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Take no signals."""
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        """Listen."""
        await super().startup(sockets)
        for server in self.servers:
            for each in server.sockets:
                log.info("serving", address=authority(*each.getsockname()[:2]), version=version())


def _local_time() -> datetime:
    return datetime.now().astimezone()
