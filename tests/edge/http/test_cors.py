"""Pages of other origins can read every answer, whatever it says, if theirs is one of those that may."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from edge.health import MeshHealth
from edge.http.uploads import LARGEST_FILE
from edge.server import EdgeServer
from mesh.rpc.server import GrpcServer
from tests.edge.clients import http_of
from tests.edge.conftest import EdgeFactory
from tests.voice_service.harness import voice_service

PAGE = "http://localhost:3000"
FORM = "multipart/form-data; boundary=x"


@pytest.fixture
async def edge(orchestrator: GrpcServer, serve_edge: EdgeFactory) -> AsyncIterator[EdgeServer]:
    async with (
        voice_service() as voices,
        serve_edge(orchestrator_target=orchestrator.address, voices_target=voices.address) as server,
    ):
        yield server


@pytest.fixture
async def http(edge: EdgeServer) -> AsyncIterator[httpx2.AsyncClient]:
    async with http_of(edge.port) as client:
        client.headers["origin"] = PAGE
        yield client


def may_read(answer: httpx2.Response, origin: str = PAGE) -> bool:
    """Whether a browser hands the answer to a page of this origin, that asked with credentials."""
    return (
        answer.headers.get("access-control-allow-origin") == origin
        and answer.headers.get("access-control-allow-credentials") == "true"
        and "origin" in answer.headers["vary"].lower()
    )


async def without_length() -> AsyncIterator[bytes]:
    yield b"--x\r\n"


@pytest.mark.unmute("S8", "C12", "B20")
@pytest.mark.parametrize(
    ("status", "method", "path", "request_"),
    [
        (200, "GET", "/", {}),
        (200, "GET", "/", {"headers": {"accept": "text/html"}}),
        (200, "HEAD", "/v1/health", {}),
        (200, "GET", "/v1/voices", {}),
        (200, "GET", "/metrics", {}),
        (400, "POST", "/v1/voices", {"files": {"file": b"no audio"}}),
        (400, "POST", "/v1/voices", {"content": b"no form"}),
        (404, "GET", "/nowhere", {}),
        (404, "GET", "/page/nothing.js", {}),
        (405, "DELETE", "/v1/voices", {}),
        (405, "OPTIONS", "/v1/voices", {}),  # not a preflight: it asks for no method
        (411, "POST", "/v1/voices", {"content": without_length, "headers": {"content-type": FORM}}),
        (413, "POST", "/v1/voices", {"files": {"file": bytes(LARGEST_FILE + 1)}}),
        (413, "POST", "/v1/voices", {"content": bytes(2 * LARGEST_FILE), "headers": {"content-type": FORM}}),
        (422, "POST", "/v1/voices", {"files": {"other": b""}}),
        (426, "GET", "/v1/realtime", {}),
    ],
)
async def test_every_answer_can_be_read(
    http: httpx2.AsyncClient, status: int, method: str, path: str, request_: dict[str, Any]
) -> None:
    content = request_.get("content")
    answer = await http.request(method, path, **request_ | ({"content": content()} if callable(content) else {}))
    assert answer.status_code == status
    assert may_read(answer)
    if status >= 400 and method != "HEAD":
        assert list(answer.json()) == ["detail"]


async def test_that_it_came_too_slowly_can_be_read(edge: EdgeServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("mesh.upload_slots.IDLE_LIMIT_S", 0.1)
    reader, writer = await asyncio.open_connection("127.0.0.1", edge.port)
    writer.write(
        f"POST /v1/voices HTTP/1.1\r\nHost: edge\r\nOrigin: {PAGE}\r\nContent-Length: 1000\r\n"
        f"Content-Type: {FORM}\r\n\r\n".encode()
    )
    async with asyncio.timeout(10):
        head = await reader.readuntil(b"\r\n\r\n")
    writer.close()
    assert b" 408 " in head
    assert f"access-control-allow-origin: {PAGE}".encode() in head


async def test_that_something_is_missing_can_be_read(serve_edge: EdgeFactory) -> None:
    async with serve_edge() as edge, http_of(edge.port) as http:
        answer = await http.get("/v1/voices", headers={"origin": PAGE})
    assert answer.status_code == 503
    assert may_read(answer)
    assert answer.headers["access-control-expose-headers"] == "Retry-After"


async def test_that_there_is_a_bug_can_be_read(http: httpx2.AsyncClient, monkeypatch: pytest.MonkeyPatch) -> None:
    async def bug(_health: MeshHealth) -> None:
        raise RuntimeError("a secret")

    monkeypatch.setattr(MeshHealth, "report", bug)
    answer = await http.get("/v1/health")
    assert (answer.status_code, answer.json()) == (500, {"detail": "Internal server error"})
    assert may_read(answer)


@pytest.mark.parametrize("path", ["/v1/voices", "/v1/health", "/nowhere"])
async def test_a_preflight_allows_every_method_and_header(http: httpx2.AsyncClient, path: str) -> None:
    asked = {"access-control-request-method": "PATCH", "access-control-request-headers": "authorization, x-anything"}
    answer = await http.options(path, headers=asked)
    assert answer.status_code == 200
    assert may_read(answer)
    assert "PATCH" in answer.headers["access-control-allow-methods"]
    assert answer.headers["access-control-allow-headers"] == "authorization, x-anything"


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null", "http://localhost:3001", "https://localhost"])
async def test_others_may_not_read_anything(http: httpx2.AsyncClient, origin: str) -> None:
    asked = {"origin": origin, "access-control-request-method": "GET"}
    for answer in (await http.get("/v1/health", headers={"origin": origin}), await http.options("/", headers=asked)):
        assert "access-control-allow-origin" not in answer.headers
        assert "origin" in answer.headers["vary"].lower()


async def test_without_an_origin_nothing_is_said(edge: EdgeServer) -> None:
    async with http_of(edge.port) as http:
        answer = await http.get("/v1/health")
    assert "access-control-allow-origin" not in answer.headers
    assert "origin" in answer.headers["vary"].lower()


async def test_by_default_the_pages_of_this_machine_may(http: httpx2.AsyncClient) -> None:
    for origin in ("http://localhost", "http://localhost:3000"):
        assert may_read(await http.get("/v1/health", headers={"origin": origin}), origin)


async def test_the_origins_are_a_setting(serve_edge: EdgeFactory) -> None:
    async with serve_edge(cors_origins=("https://parley.example",)) as edge, http_of(edge.port) as http:
        answer = await http.get("/", headers={"origin": "https://parley.example"})
        assert may_read(answer, "https://parley.example")
        answer = await http.get("/", headers={"origin": PAGE})
        assert not may_read(answer)


@pytest.mark.parametrize("origin", ["http://elsewhere.example", "null"])
async def test_where_any_may_each_is_named(serve_edge: EdgeFactory, origin: str) -> None:
    """Browsers refuse `*` for what was asked with credentials."""
    async with serve_edge(cors_origins=("*",)) as edge, http_of(edge.port) as http:
        assert may_read(await http.get("/v1/health", headers={"origin": origin}), origin)
        asked = {"origin": origin, "access-control-request-method": "POST"}
        assert may_read(await http.options("/v1/voices", headers=asked), origin)
