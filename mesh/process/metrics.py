"""What every process publishes: its metrics on a port of their own, and which version of Parley it is."""

import asyncio
import errno
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from importlib import metadata

from prometheus_client import Info, start_http_server

from mesh.process.ports import PortTaken


@cache
def version() -> str:
    """The version of Parley that is installed."""
    return metadata.version("parley")


_BUILD = Info("parley_build", "The version of Parley that this process runs.")
_BUILD.info({"version": version()})


@asynccontextmanager
async def metrics_served(host: str, port: int) -> AsyncIterator[None]:
    """Serve the default registry at `/metrics` meanwhile, from a thread; port 0 serves nothing. Raises `PortTaken`."""
    if port == 0:
        yield
        return
    try:
        server, thread = await asyncio.to_thread(start_http_server, port, host)
    except OSError as error:
        if error.errno == errno.EADDRINUSE:
            raise PortTaken(host, port) from None
        raise
    try:
        yield
    finally:
        await asyncio.to_thread(server.shutdown)
        server.server_close()
        thread.join()
