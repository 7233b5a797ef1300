import asyncio
from collections.abc import AsyncIterator

import httpx2
import pytest
from prometheus_client import CollectorRegistry

from edge.metrics import EdgeMetrics
from edge.server import EdgeServer
from mesh.errors import MissingServiceAtCapacity, UpstreamDown
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


async def test_requests_are_counted_weighed_and_timed_by_route(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/v1/health")
    await http.get("/nowhere")
    await http.get("/nowhere/else")
    counted = await values(http)
    assert counted['http_requests_total{handler="/v1/health",method="GET",status="2xx"}'] == 1
    assert counted['http_requests_total{handler="none",method="GET",status="4xx"}'] == 2
    assert counted['http_request_duration_seconds_count{handler="/v1/health",method="GET"}'] == 1
    assert counted["http_request_duration_highr_seconds_count"] == 3
    assert counted['http_response_size_bytes_sum{handler="/v1/health"}'] == len(answer.content)
    assert counted['http_request_size_bytes_count{handler="none"}'] == 2
    assert counted['http_request_size_bytes_sum{handler="none"}'] == 0


async def test_what_requests_weigh_is_what_they_say(http: httpx2.AsyncClient) -> None:
    await http.post("/v1/health", content=b"12345")
    counted = await values(http)
    assert counted['http_requests_total{handler="/v1/health",method="POST",status="4xx"}'] == 1
    assert counted['http_request_size_bytes_sum{handler="/v1/health"}'] == 5


async def test_what_clients_make_up_makes_no_more_series(http: httpx2.AsyncClient) -> None:
    for method in ("PROPFIND", "TRACE", "MKCOL", "SEARCH"):
        await http.request(method, f"/{method}")
    for number in range(10):
        await http.get(f"/nowhere/{number}")
        await http.get(f"/page/{number}")
    series = {name for name in await values(http) if name.startswith("http_requests_total")}
    assert series == {
        'http_requests_total{handler="none",method="other",status="4xx"}',
        'http_requests_total{handler="none",method="GET",status="4xx"}',
        'http_requests_total{handler="/page/{path:path}",method="GET",status="4xx"}',
    }


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
async def test_a_service_out_of_reach_is_a_miss(serve_edge: EdgeFactory) -> None:
    async with serve_edge() as edge, client_of(edge.port) as client, http_of(edge.port) as http:
        await client.closed()
        assert await endings(http) == {"fatal_service_misses": 1, "hard_errors": 0, "force_disconnects": 1}


async def test_a_service_that_is_full_is_a_miss(
    http: httpx2.AsyncClient, edge: EdgeServer, fake: FakeConversation
) -> None:
    fake.refusal = MissingServiceAtCapacity.of("speech recognition")
    async with client_of(edge.port) as client:
        await client.closed()
    assert await endings(http) == {"fatal_service_misses": 1, "hard_errors": 0, "force_disconnects": 1}
    assert (await values(http))["worker_sessions_total"] == 0


def test_a_mesh_that_is_known_to_be_down_is_a_miss() -> None:
    registry = CollectorRegistry()
    EdgeMetrics(registry).count_failure(UpstreamDown("the language model is down", reason="UNHEALTHY"))
    assert registry.get_sample_value("worker_fatal_service_misses_total") == 1
    assert registry.get_sample_value("worker_hard_errors_total") == 0


async def test_a_conversation_that_breaks_off_is_an_error(
    http: httpx2.AsyncClient, edge: EdgeServer, fake: FakeConversation
) -> None:
    async with client_of(edge.port) as client:
        talk = await fake.next_conversation()
        await until_answered(client)
        talk.fail(UpstreamDown("gone"))
        await client.closed()
    assert await endings(http) == {"fatal_service_misses": 0, "hard_errors": 1, "force_disconnects": 1}


async def test_what_a_client_does_wrong_is_no_error(http: httpx2.AsyncClient, edge: EdgeServer) -> None:
    async with client_of(edge.port, "/v1/converse") as client:
        await client.websocket.send("nonsense")
        await client.closed()
    assert await endings(http) == {"fatal_service_misses": 0, "hard_errors": 0, "force_disconnects": 1}


@pytest.mark.unmute("B2", "B26")
@pytest.mark.parametrize("says", [(), ("nonsense",)], ids=["at once", "in the middle"])
@pytest.mark.parametrize("goodbye", [True, False])
async def test_a_client_that_leaves_leaves_no_gauge_up(
    http: httpx2.AsyncClient, edge: EdgeServer, fake: FakeConversation, says: tuple[str, ...], *, goodbye: bool
) -> None:
    async with client_of(edge.port) as client:
        await fake.next_conversation()
        for message in says:
            await client.websocket.send(message)
            await client.next_event()
        if not goodbye:
            client.websocket.transport.abort()
    await fake.idle()
    async with asyncio.timeout(5):
        while (counted := await values(http))["worker_session_duration_count"] == 0:  # noqa: ASYNC110 - only to be asked
            await asyncio.sleep(0.01)
    assert counted["worker_active_sessions"] == 0
    assert await endings(http) == {"fatal_service_misses": 0, "hard_errors": 0, "force_disconnects": 0}


@pytest.mark.unmute("B2", "B26")
async def test_a_client_that_leaves_while_it_is_not_yet_admitted_is_no_session(serve_edge: EdgeFactory) -> None:
    async with serve_edge() as edge, http_of(edge.port) as http:
        async with client_of(edge.port) as client:
            assert (await values(http))["worker_active_sessions"] == 0
            client.websocket.transport.abort()
        async with asyncio.timeout(5):
            while (counted := await values(http))["worker_fatal_service_misses_total"] == 0:  # noqa: ASYNC110
                await asyncio.sleep(0.01)
        assert (counted["worker_sessions_total"], counted["worker_active_sessions"]) == (0, 0)


async def endings(http: httpx2.AsyncClient) -> dict[str, float]:
    counted = await values(http)
    kinds = ("fatal_service_misses", "hard_errors", "force_disconnects")
    return {kind: counted[f"worker_{kind}_total"] for kind in kinds}


async def until_answered(client: Client) -> None:
    """Wait until the session is sure to go on."""
    await client.websocket.send("nonsense")
    await client.next_event()
