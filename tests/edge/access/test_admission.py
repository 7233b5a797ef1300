"""Who is refused before a WebSocket is open."""

import asyncio
import json
from contextlib import AsyncExitStack

import pytest
from structlog.testing import capture_logs
from websockets.exceptions import InvalidStatus

from edge.server import EdgeServer
from mesh.rpc.server import GrpcServer
from tests.edge.clients import client_of
from tests.edge.conftest import EdgeFactory
from tests.edge.pages import ELSEWHERE, refusal


async def test_pages_from_elsewhere_are_logged_but_not_each_time(edge: EdgeServer) -> None:
    with capture_logs() as logs:
        for _ in range(3):
            await refusal(ELSEWHERE, edge)
    told = [line for line in logs if line["event"] == "refused a page of another origin"]
    assert [(line["origin"], line["setting"]) for line in told] == [(ELSEWHERE, "PARLEY_EDGE_WEBSOCKET_ORIGINS")]


async def test_an_address_with_too_many_sessions_is_refused_until_one_is_over(
    serve_edge: EdgeFactory, orchestrator: GrpcServer
) -> None:
    async with (
        serve_edge(orchestrator_target=orchestrator.address, sessions_per_address=2) as edge,
        client_of(edge.port),
        AsyncExitStack() as second,
    ):
        await second.enter_async_context(client_of(edge.port, "/v1/converse"))
        with pytest.raises(InvalidStatus) as refused:
            async with client_of(edge.port):
                pass
        assert refused.value.response.status_code == 429
        assert int(refused.value.response.headers["retry-after"]) > 0
        assert json.loads(refused.value.response.body) == {"detail": "too many conversations from this address"}
        await second.aclose()
        await let_in(edge)


async def test_by_default_an_address_may_have_many(edge: EdgeServer) -> None:
    async with AsyncExitStack() as all_of_them:
        for _ in range(20):
            await all_of_them.enter_async_context(client_of(edge.port))


async def let_in(edge: EdgeServer) -> None:
    """Wait until somebody is: the end of a session takes the edge a moment to see."""
    async with asyncio.timeout(10):
        while True:
            try:
                async with client_of(edge.port):
                    return
            except InvalidStatus:
                await asyncio.sleep(0.01)
