"""A proxy in front of an edge, as Unmute's Compose file has one: it takes `/api` off a path, and passes the rest on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, closing

from tests.tcp import serving_tcp

PREFIX = b" /api/"


@asynccontextmanager
async def stripping_proxy(edge_port: int, *said: str) -> AsyncIterator[int]:
    """Run it meanwhile, and yield its port. `said` are header lines of its own."""
    lines = "".join(f"{line}\r\n" for line in said).encode()

    async def serve(from_client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        from_edge, to_edge = await asyncio.open_connection("127.0.0.1", edge_port)
        with closing(to_edge):
            request_line = await from_client.readline()
            assert PREFIX in request_line
            to_edge.write(request_line.replace(PREFIX, b" /") + lines)
            async with asyncio.TaskGroup() as both:
                both.create_task(_pass_on(from_client, to_edge))
                both.create_task(_pass_on(from_edge, to_client))

    async with serving_tcp(serve) as port:
        yield port


async def _pass_on(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    while data := await source.read(1 << 16):
        sink.write(data)
        await sink.drain()
    if sink.can_write_eof():
        sink.write_eof()
