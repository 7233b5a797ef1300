"""Pages that open a WebSocket to a real edge, as a browser does it for them."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import InvalidStatus

from edge.server import EdgeServer

ELSEWHERE = "https://elsewhere.example"


@asynccontextmanager
async def page_of(
    origin: str, edge: EdgeServer | int, *, asks: str = "localhost", path: str = "/v1/realtime", **headers: str
) -> AsyncIterator[ClientConnection]:
    """A page's WebSocket: `asks` is the host of its address, whatever port is really behind it."""
    port = edge if isinstance(edge, int) else edge.port
    async with connect(
        f"ws://{asks}{path}",
        host="127.0.0.1",
        port=port,
        proxy=None,
        origin=origin,  # type: ignore[arg-type]  # a text is what it is
        subprotocols=["realtime"],  # type: ignore[list-item]
        additional_headers=headers,
    ) as websocket:
        yield websocket


async def refusal(origin: str, edge: EdgeServer | int, **asked: Any) -> tuple[int, Any]:
    """The status and the body that such a page is answered, which must not get a WebSocket."""
    with pytest.raises(InvalidStatus) as refused:
        async with page_of(origin, edge, **asked):
            pass
    response = refused.value.response
    assert response.headers["content-type"] == "application/json"
    return response.status_code, json.loads(response.body)
