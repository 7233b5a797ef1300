"""HTTP requests as a stand-in sees them: bodies of a bounded size, clients that leave, answers that end badly."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from starlette.requests import Request
from starlette.types import Receive, Scope

from mesh.tasks import beside
from standins.tcp import reset

TRANSPORT = "standins.transport"
"""The ASGI extension that holds a request's transport."""


async def read(request: Request, limit: int) -> bytes | None:
    """The request's body; None when it is longer than `limit` bytes."""
    body = bytearray()
    async for part in request.stream():
        body += part
        if len(body) > limit:
            return None
    return bytes(body)


class _Gone(Exception):
    """The client has left."""


@asynccontextmanager
async def while_there(receive: Receive) -> AsyncIterator[None]:
    """Leave the block the moment the client leaves. The request's body must have been read."""
    try:
        async with beside(_watch(receive)):
            yield
    except _Gone:
        pass


async def _watch(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
    raise _Gone


def end(scope: Scope, how: str) -> None:
    """Break the connection of this request, by a TCP reset if `how` is "reset"; otherwise it just ends."""
    transport: Any = scope["extensions"][TRANSPORT]
    if how == "reset":
        reset(transport)
    else:
        transport.close()
