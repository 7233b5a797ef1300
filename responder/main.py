"""The responder's process."""

import math
import os
from datetime import datetime

import uvicorn

from mesh import logs
from mesh.settings import load
from responder.app import create_app
from responder.settings import ResponderSettings


def main() -> None:
    """Serve until SIGTERM or SIGINT. Raises `mesh.settings.SettingError` before anything starts."""
    settings = load(ResponderSettings, os.environ)
    logs.configure("responder", settings.log_level, settings.log_format)
    uvicorn.run(
        create_app(token_delay_s=settings.token_delay_s, now=_local_time),
        host=settings.host,
        port=settings.port,
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        timeout_graceful_shutdown=math.ceil(settings.drain_limit_s),
    )


def _local_time() -> datetime:
    return datetime.now().astimezone()
