"""An HTTP server for fakes, on a real port."""

import asyncio
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import uvicorn
from starlette.types import ASGIApp


@asynccontextmanager
async def serving(app: ASGIApp, port: int = 0, certificate: Path | None = None) -> AsyncIterator[str]:
    """Serve an application meanwhile, on a free port if none is given, and yield its URL.

    With a certificate, a PEM file that holds its key too, it is served over TLS.
    """
    # asyncio sends without delay, and so without 40 ms of Nagle's, only on a socket that says that it is TCP.
    listening = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listening.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listening.bind(("127.0.0.1", port))
    config = uvicorn.Config(app, ws="none", lifespan="off", log_config=None, access_log=False, ssl_certfile=certificate)
    config.load()
    server = uvicorn.Server(config)
    server.lifespan = config.lifespan_class(config)
    await server.startup([listening])
    try:
        yield f"{'https' if certificate else 'http'}://127.0.0.1:{listening.getsockname()[1]}"
    finally:
        # What `Server.shutdown` does, without its pauses.
        for each in server.servers:
            each.close()
        for connection in list(server.server_state.connections):
            connection.transport.abort()
        if server.server_state.tasks:
            await asyncio.wait(server.server_state.tasks, timeout=5)
