"""Who is refused before a WebSocket is open."""

import asyncio
import json
import re
from contextlib import AsyncExitStack

import httpx2
import pytest
from structlog.testing import capture_logs
from websockets.exceptions import InvalidStatus

from edge.server import EdgeServer
from mesh.rpc.server import GrpcServer
from tests.edge.clients import client_of, http_of
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
        http_of(edge.port) as http,
    ):
        await second.enter_async_context(client_of(edge.port, "/v1/converse"))
        with capture_logs() as logs, pytest.raises(InvalidStatus) as refused:
            async with client_of(edge.port):
                pass
        assert refused.value.response.status_code == 429
        assert int(refused.value.response.headers["retry-after"]) > 0
        assert json.loads(refused.value.response.body) == {"detail": "too many conversations from this address"}
        (line,) = [each for each in logs if each["event"] == "refused a conversation"]
        assert (line["reason"], line["log_level"]) == ("address_limit", "info")
        assert "127.0.0.1" not in str(line)
        assert await refusals(http) == {"origin": 0, "address_limit": 1, "draining": 0, "overload": 0, "not_found": 0}
        await second.aclose()
        await let_in(edge)


async def test_an_edge_that_is_late_all_the_time_takes_nothing_new(
    serve_edge: EdgeFactory, orchestrator: GrpcServer
) -> None:
    # No loop is so exact.
    async with (
        serve_edge(orchestrator_target=orchestrator.address, overload_lag_s=1e-9) as edge,
        http_of(edge.port) as http,
    ):
        async with client_of(edge.port):
            await asyncio.sleep(0.8)
            with pytest.raises(InvalidStatus) as refused:
                async with client_of(edge.port):
                    pass
        assert refused.value.response.status_code == 503
        assert int(refused.value.response.headers["retry-after"]) > 0
        assert (await refusals(http))["overload"] == 1


async def test_by_default_an_address_may_have_many(edge: EdgeServer) -> None:
    async with AsyncExitStack() as all_of_them:
        for _ in range(20):
            await all_of_them.enter_async_context(client_of(edge.port))


async def test_refusals_are_counted_by_reason(edge: EdgeServer) -> None:
    async with http_of(edge.port) as http, client_of(edge.port):
        await refusal(ELSEWHERE, edge)
        with pytest.raises(InvalidStatus, match="404"):
            async with client_of(edge.port, "/nowhere"):
                pass
        assert await refusals(http) == {"origin": 1, "address_limit": 0, "draining": 0, "overload": 0, "not_found": 1}


async def refusals(http: httpx2.AsyncClient) -> dict[str, float]:
    """How many handshakes were refused, by reason."""
    text = (await http.get("/metrics")).text
    counted = re.findall(r'^parley_edge_refusals_total\{reason="(\w+)"\} (\S+)$', text, re.MULTILINE)
    return {reason: float(times) for reason, times in counted}


async def let_in(edge: EdgeServer) -> None:
    """Wait until somebody is: the end of a session takes the edge a moment to see."""
    async with asyncio.timeout(10):
        while True:
            try:
                async with client_of(edge.port):
                    return
            except InvalidStatus:
                await asyncio.sleep(0.01)
