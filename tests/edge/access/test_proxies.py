"""What proxies say of their clients, of those that are trusted and of others."""

from typing import Any

import pytest
from websockets.exceptions import InvalidStatus

from mesh.rpc.server import GrpcServer
from tests.edge.clients import client_of
from tests.edge.conftest import EdgeFactory
from tests.edge.pages import ELSEWHERE, page_of, refusal


async def test_the_forwarded_host_counts_if_the_proxy_is_trusted(serve_edge: EdgeFactory) -> None:
    site = "https://parley.example"
    forwarded = {"X-Forwarded-Host": "parley.example, inner.lan"}
    async with serve_edge(trusted_proxies=("127.0.0.0/8",)) as edge:
        async with page_of(site, edge, asks="edge:8000", **forwarded):
            pass
        assert (await refusal(ELSEWHERE, edge, asks="edge:8000", **forwarded))[0] == 403


@pytest.mark.parametrize("trusted", [(), ("10.0.0.0/8",)])
async def test_else_anybody_could_say_it(serve_edge: EdgeFactory, trusted: tuple[str, ...]) -> None:
    async with serve_edge(trusted_proxies=trusted) as edge:
        forwarded = {"X-Forwarded-Host": "parley.example"}
        assert (await refusal("https://parley.example", edge, asks="edge:8000", **forwarded))[0] == 403


async def test_each_address_behind_a_trusted_proxy_has_sessions_of_its_own(
    serve_edge: EdgeFactory, orchestrator: GrpcServer
) -> None:
    def caller(address: str) -> Any:
        return client_of(edge.port, additional_headers={"X-Forwarded-For": address})

    settings = {"sessions_per_address": 1, "trusted_proxies": ("127.0.0.1",)}
    async with (
        serve_edge(orchestrator_target=orchestrator.address, **settings) as edge,
        caller("203.0.113.1"),
        caller("203.0.113.2"),
    ):
        with pytest.raises(InvalidStatus, match="429"):
            async with caller("203.0.113.1"):
                pass


async def test_what_strangers_say_of_their_address_is_not_believed(
    serve_edge: EdgeFactory, orchestrator: GrpcServer
) -> None:
    async with (
        serve_edge(orchestrator_target=orchestrator.address, sessions_per_address=1) as edge,
        client_of(edge.port),
    ):
        with pytest.raises(InvalidStatus, match="429"):
            async with client_of(edge.port, additional_headers={"X-Forwarded-For": "203.0.113.1"}):
                pass
