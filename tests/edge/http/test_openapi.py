"""The description of the REST routes, and the routes as it describes them, asked by schemathesis."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

import msgspec
import pytest
import schemathesis
from prometheus_client import CollectorRegistry
from schemathesis.config import (
    ChecksConfig,
    GenerationConfig,
    PositiveDataAcceptanceConfig,
    ProjectConfig,
    ProjectsConfig,
    SchemathesisConfig,
)
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.http.app import create_app
from edge.http.openapi import JSON, described, operation
from edge.server import EdgeServer, serving
from edge.settings import EdgeSettings
from mesh.discovery.search import Replicas
from mesh.process.drain import LiveCalls
from mesh.process.lag import Overload
from tests.edge.clients import http_of
from tests.edge.conftest import UNUSED
from tests.fakes.conversation import FakeConversation, conversation_server
from tests.test_laws import ROOT
from tests.voice_service.harness import voice_service
from voice_service.catalogue import read_catalogue

EXAMPLES = 12
"""Requests of each kind that are made up for each operation."""


class TestDocument:
    async def test_it_is_served(self, edge: EdgeServer) -> None:
        async with http_of(edge.port) as http:
            answer = await http.get("/openapi.json")
        assert answer.headers["content-type"] == "application/json"
        document = answer.json()
        assert document["openapi"] == "3.1.0"
        assert document["info"]["version"] == version("parley")

    async def test_every_route_is_in_it(self, edge: EdgeServer) -> None:
        async with http_of(edge.port) as http:
            paths = (await http.get("/openapi.json")).json()["paths"]
        assert {path: sorted(operations) for path, operations in paths.items()} == {
            "/": ["get", "head"],
            "/metrics": ["get", "head"],
            "/openapi.json": ["get", "head"],
            "/v1/converse": ["get", "head"],
            "/v1/health": ["get", "head"],
            "/v1/realtime": ["get", "head"],
            "/v1/voice-donation": ["get", "head", "post"],
            "/v1/voices": ["get", "head", "post"],
            "/v1/voices/{voice_id}/sample": ["get", "head"],
        }

    async def test_every_operation_is_told_about(self, edge: EdgeServer) -> None:
        async with http_of(edge.port) as http:
            paths = (await http.get("/openapi.json")).json()["paths"]
        for path, operations in paths.items():
            for method, told in operations.items():
                assert told["summary"].endswith((".", ":")), (method, path)
                assert "500" in told["responses"]

    def test_a_route_that_is_not_described_is_named(self) -> None:
        async def secret(_request: Request) -> Response:
            return Response()

        with pytest.raises(TypeError, match="the endpoint of /secret has no @operation"):
            described([Route("/secret", secret)])

    def test_what_is_encoded_has_all_of_its_fields(self) -> None:
        class Answer(msgspec.Struct):
            word: str | None = None

        @operation({JSON: Answer})
        async def answer(_request: Request) -> Response:
            """Answer."""
            return Response()

        schemas = described([Route("/", answer)])["components"]["schemas"]
        assert schemas["Answer"]["required"] == ["word"]

    def test_what_is_taken_may_lack_what_has_a_default(self) -> None:
        class Asked(msgspec.Struct):
            word: str
            sense: str | None = None

        @operation({}, form={"asked": Asked})
        async def answer(_request: Request) -> Response:
            """Answer."""
            return Response()

        document = described([Route("/", answer, methods=["POST"])])
        assert document["components"]["schemas"]["Asked"]["required"] == ["word"]
        form = document["paths"]["/"]["post"]["requestBody"]["content"]["multipart/form-data"]["schema"]
        assert form["properties"]["asked"]["contentSchema"] == {"$ref": "#/components/schemas/Asked"}


@contextmanager
def running_edge(donations: Path) -> Iterator[str]:
    """An edge with what is behind it, beside the test, which blocks; yields its URL."""
    ready, told = threading.Event(), dict[str, Any]()

    async def serve() -> None:
        stop = asyncio.Event()
        catalogue = read_catalogue(ROOT / "voices.yaml")
        async with (
            conversation_server(FakeConversation()) as orchestrator,
            voice_service(catalogue, donation_dir=str(donations)) as voices,
            serving(
                EdgeSettings(port=0, orchestrator_target=orchestrator.address, voices_target=voices.address),
                registry=CollectorRegistry(),
            ) as edge,
        ):
            told.update(url=f"http://127.0.0.1:{edge.port}", stop=stop, loop=asyncio.get_running_loop())
            ready.set()
            await stop.wait()

    thread = threading.Thread(target=asyncio.run, args=(serve(),))
    thread.start()
    assert ready.wait(30)
    try:
        yield told["url"]
    finally:
        told["loop"].call_soon_threadsafe(told["stop"].set)
        thread.join(30)


@pytest.fixture(scope="module")
def url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with running_edge(tmp_path_factory.mktemp("donations")) as url:
        yield url


def document() -> dict[str, Any]:
    """What an edge serves, made without one."""
    nobody = Replicas("nobody", UNUSED)
    app = create_app(
        EdgeSettings(),
        orchestrators=nobody,
        voices=nobody,
        registry=CollectorRegistry(),
        sessions=LiveCalls(),
        stopping=asyncio.Event(),
        overload=Overload(0),
    ).app
    assert isinstance(app, Starlette)
    return described(app.routes)


CHECKS = ChecksConfig(
    # Whether bytes are a recording, or an id is known, no schema tells: what is well-formed may be refused with 400.
    positive_data_acceptance=PositiveDataAcceptanceConfig(expected_statuses=["2xx", "400", "404", "426"]),
)
MADE_UP = GenerationConfig(max_examples=EXAMPLES, deterministic=True)
DESCRIPTION = schemathesis.openapi.from_dict(
    document(),
    config=SchemathesisConfig(projects=ProjectsConfig(default=ProjectConfig(checks=CHECKS, generation=MADE_UP))),
)


# It is the edge that does, in a thread of its own, while an example is made.
@pytest.mark.filterwarnings("ignore:Do not use the `random` module inside strategies")
@DESCRIPTION.parametrize()
def test_the_edge_is_as_described(case: schemathesis.Case[Any], url: str) -> None:
    case.call_and_validate(base_url=url)
