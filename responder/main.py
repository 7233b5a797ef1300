"""The responder's process."""

from datetime import datetime

import uvicorn
from starlette.types import ASGIApp, Receive, Scope, Send

from mesh.process.drain import LiveCalls, until_drained
from mesh.process.http_server import http_served, listening
from mesh.process.metrics import metrics_served
from mesh.process.ports import authority
from mesh.process.run import run_process
from responder.app import create_app
from responder.settings import ResponderSettings

_CLOSE_LIMIT_S = 1


async def serve(settings: ResponderSettings) -> None:
    """Answer until the process is asked to stop and the last answer has been given. Raises `PortTaken`."""
    live = LiveCalls()
    app = create_app(token_delay_s=settings.token_delay_s, now=_local_time)
    config = uvicorn.Config(
        _counted(app, live),
        ws="none",
        lifespan="off",
        log_config=None,
        log_level="warning",
        access_log=False,
        timeout_graceful_shutdown=_CLOSE_LIMIT_S,
    )
    with listening(settings.host, settings.port) as listener:
        async with metrics_served(settings.host, settings.metrics_port), http_served(config, listener) as server:
            address = authority(*listener.getsockname()[:2])

            async def refuse() -> None:
                for each in server.servers:
                    each.close()

            await until_drained(live, refuse, limit_s=settings.drain_limit_s, address=address)


def _counted(app: ASGIApp, live: LiveCalls) -> ASGIApp:
    """The application, whose answers count as live while they are given."""

    async def counted(scope: Scope, receive: Receive, send: Send) -> None:
        with live.one_more():
            await app(scope, receive, send)

    return counted


def _local_time() -> datetime:
    return datetime.now().astimezone()


def main() -> None:
    """Read the settings, serve."""
    run_process("responder", ResponderSettings, serve)
