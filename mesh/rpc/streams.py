"""Reading the requests of a stream, on the server's side, without waiting for ever.

gRPC tells a handler of a half-close, a cancellation, an expired deadline and a lost peer in the same way: no more
requests come.
"""

import asyncio
from collections.abc import AsyncIterator
from typing import TypeVar

from google.protobuf.message import Message

from mesh.errors import ConfigRequired, Idle

Req = TypeVar("Req", bound=Message)

FIRST_REQUEST_LIMIT_S = 5.0
"""How long a peer may hold a stream open before it says what it wants."""


async def first_request(
    requests: AsyncIterator[Req], field: str = "config", within: float = FIRST_REQUEST_LIMIT_S
) -> Req:
    """The first request, whose member `field` is set.

    Raises `ConfigRequired` if another member is, or if there is no request, and `Idle` after `within` seconds.
    """
    try:
        async with asyncio.timeout(within):
            request = await anext(requests, None)
    except TimeoutError:
        raise Idle(f"no request within {within:g} s") from None
    if request is None or not request.HasField(field):
        raise ConfigRequired(f"the first request must be {field}", field=field)
    return request


async def before_idle(requests: AsyncIterator[Req], limit: float) -> AsyncIterator[Req]:
    """The requests, until they end. Raises `Idle` when the peer is silent for `limit` seconds."""
    while True:
        try:
            async with asyncio.timeout(limit):
                request = await anext(requests, None)
        except TimeoutError:
            raise Idle(f"no request for {limit:g} s") from None
        if request is None:
            return
        yield request
