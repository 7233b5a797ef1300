from collections.abc import AsyncIterator

import httpx2
import pytest

from edge.server import EdgeServer
from parley.conversation.v1 import conversation_pb2 as conversation
from tests.edge.clients import Client, client_of, http_of
from tests.edge.conftest import EdgeFactory
from tests.fakes.conversation import FakeConversation


@pytest.fixture
async def http(edge: EdgeServer) -> AsyncIterator[httpx2.AsyncClient]:
    async with http_of(edge.port) as client:
        yield client


async def values(http: httpx2.AsyncClient) -> dict[str, float]:
    lines = (await http.get("/metrics")).text.splitlines()
    samples = (line.rpartition(" ") for line in lines if not line.startswith("#"))
    return {name: float(value) for name, _, value in samples}


async def test_requests_are_counted_by_route(http: httpx2.AsyncClient) -> None:
    await http.get("/v1/health")
    await http.get("/nowhere")
    await http.get("/nowhere/else")
    counted = await values(http)
    assert counted['http_requests_total{handler="/v1/health",method="GET",status="2xx"}'] == 1
    assert counted['http_requests_total{handler="none",method="GET",status="4xx"}'] == 2
    assert counted['http_request_duration_seconds_count{handler="/v1/health",method="GET"}'] == 1
    assert counted["worker_health_ok_sum"] == 1


@pytest.mark.unmute("B2")
async def test_sessions_are_counted(http: httpx2.AsyncClient, edge: EdgeServer, fake: FakeConversation) -> None:
    async with client_of(edge.port) as client:
        talk = await fake.next_conversation()
        await until_answered(client)
        during = await values(http)
        await talk.end(conversation.END_CAUSE_GOODBYE)
        await client.closed()
    after = await values(http)
    assert (during["worker_sessions_total"], during["worker_active_sessions"]) == (1, 1)
    assert (after["worker_sessions_total"], after["worker_active_sessions"]) == (1, 0)
    assert after["worker_session_duration_count"] == 1
    assert after['worker_session_duration_bucket{le="1920.0"}'] == 1


@pytest.mark.unmute("B2")
async def test_refusals_are_counted(serve_edge: EdgeFactory) -> None:
    async with serve_edge() as edge, client_of(edge.port) as client, http_of(edge.port) as http:
        await client.closed()
        counted = await values(http)
    assert counted["worker_hard_errors_total"] == 1
    assert counted["worker_fatal_service_misses_total"] == 0
    assert counted["worker_sessions_total"] == 0


async def until_answered(client: Client) -> None:
    """Wait until the session is sure to go on."""
    await client.websocket.send("nonsense")
    await client.next_event()
