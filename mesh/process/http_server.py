"""An HTTP server's life: listen, serve, close. When it ends is decided by `mesh.process.drain`, not by uvicorn."""

import asyncio
import errno
import socket
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import uvicorn

from mesh.process.ports import PortTaken


def listening(host: str, port: int, *, share_port: bool = False) -> socket.socket:
    """A socket that listens there; port 0: any free one. With `share_port`, others may listen there too.

    Raises `PortTaken`.
    """
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        return socket.create_server((host, port), family=family, reuse_port=share_port)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(host, port) from None
        raise


@asynccontextmanager
async def http_served(config: uvicorn.Config, listener: socket.socket) -> AsyncIterator[uvicorn.Server]:
    """Do what `uvicorn.Server.serve` does, but for signals, while the block runs.

    Leaving closes the connections; answers in progress get `config.timeout_graceful_shutdown` seconds.
    """
    server = uvicorn.Server(config)
    config.load()
    server.lifespan = config.lifespan_class(config)
    await server.startup(sockets=[listener])
    ticking = asyncio.create_task(server.main_loop())
    try:
        yield server
    finally:
        server.should_exit = True
        await ticking
        await server.shutdown(sockets=[listener])
