"""A TCP server for a test, which leaves no connection behind."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager, suppress

Serve = Callable[[asyncio.StreamReader, asyncio.StreamWriter], Awaitable[None]]


@asynccontextmanager
async def tcp_server(serve: Serve) -> AsyncIterator[int]:
    """Serve each connection with `serve` and close it afterwards; yield the port.

    On leaving, the connections that are still served are ended. All sockets are closed then: one that is left to the
    garbage collector fails whatever test runs at that time.
    """
    calls = set[asyncio.Task[None]]()

    async def call(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        calls.add(task)
        try:
            await serve(reader, writer)
        finally:
            writer.close()
            with suppress(OSError):
                await writer.wait_closed()
            calls.discard(task)

    async with await asyncio.start_server(call, "127.0.0.1", 0) as server:
        try:
            yield server.sockets[0].getsockname()[1]
        finally:
            left = list(calls)
            for task in left:
                task.cancel()
            await asyncio.gather(*left, return_exceptions=True)
