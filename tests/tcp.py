"""A server on a port of its own, which leaves nothing open behind it."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def serving_tcp(serve: Serve) -> AsyncIterator[int]:
    """Give each connection to `serve` and close it afterwards; yield the port. At the end none is served any more.

    asyncio's own server leaves its connections as they are: what is not closed when the loop ends is warned of in
    whichever test runs when it is collected.
    """
    serving: set[asyncio.Task[None]] = set()

    async def one(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            await serve(reader, writer)
        finally:
            writer.close()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        serving.add(asyncio.create_task(one(reader, writer)))

    try:
        async with await asyncio.start_server(accept, "127.0.0.1", 0) as server:
            yield server.sockets[0].getsockname()[1]
    finally:
        for task in serving:
            task.cancel()
        await asyncio.gather(*serving, return_exceptions=True)
