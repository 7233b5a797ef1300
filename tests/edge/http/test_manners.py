"""How the edge answers requests that it could have done without."""

import httpx2
import pytest
from websockets.exceptions import InvalidStatus

from edge.server import EdgeServer
from tests.edge.clients import client_of, http_of

BROWSER = {"accept": "text/html"}


@pytest.mark.parametrize(
    "path", ["/nowhere", "/v1", "/v1/health/", "/v1/health/more", "/%00", "/%ff", "/%zz", "/..%2fv1", "//v1/health"]
)
async def test_an_unknown_route(edge: EdgeServer, path: str) -> None:
    async with http_of(edge.port) as http:
        answer = await http.get(httpx2.URL(f"http://127.0.0.1:{edge.port}").copy_with(raw_path=path.encode()))
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})


@pytest.mark.parametrize("path", ["/page/%00", "/page/%ff.js", "/page/main.js/x", f"/page/{'x' * 5_000}"])
async def test_a_part_of_the_page_that_is_none(edge: EdgeServer, path: str) -> None:
    async with http_of(edge.port) as http:
        answer = await http.get(path)
    assert (answer.status_code, answer.json()) == (404, {"detail": "Not Found"})
    assert "content-security-policy" in answer.headers


@pytest.mark.parametrize(
    ("path", "allowed"),
    [
        ("/", "GET, HEAD"),
        ("/v1/voices", "GET, HEAD, POST"),
        ("/v1/realtime", "GET, HEAD"),
        ("/page/main.js", "GET, HEAD"),
        ("/openapi.json", "GET, HEAD"),
    ],
)
@pytest.mark.parametrize("method", ["DELETE", "TRACE", "PROPFIND", "OPTIONS"])
async def test_a_method_that_a_route_does_not_have(edge: EdgeServer, method: str, path: str, allowed: str) -> None:
    async with http_of(edge.port) as http:
        answer = await http.request(method, path)
    assert (answer.status_code, answer.json()) == (405, {"detail": "Method Not Allowed"})
    assert answer.headers.get_list("allow") == [allowed]


@pytest.mark.parametrize("path", ["/", "/v1/health", "/metrics", "/openapi.json", "/page/main.js", "/v1/realtime"])
async def test_head_is_get_without_the_body(edge: EdgeServer, path: str) -> None:
    async with http_of(edge.port) as http:
        full, head = await http.get(path), await http.head(path)
    assert (head.status_code, head.content) == (full.status_code, b"")
    assert head.headers["content-type"] == full.headers["content-type"]


@pytest.mark.parametrize("path", ["/v1/realtime", "/v1/converse"])
async def test_who_wants_no_websocket_is_told_so(edge: EdgeServer, path: str) -> None:
    async with http_of(edge.port) as http:
        answer = await http.get(path)
    assert (answer.status_code, answer.json()) == (426, {"detail": "conversations are held over a WebSocket"})
    assert answer.headers["upgrade"] == "websocket"


@pytest.mark.parametrize("path", ["/", "/v1/health", "/v1/realtime/", "/nowhere"])
async def test_where_there_is_no_websocket(edge: EdgeServer, path: str) -> None:
    with pytest.raises(InvalidStatus, match="404"):
        async with client_of(edge.port, path):
            pass


@pytest.mark.unmute("S8")
@pytest.mark.parametrize("accept", ["*/*", "application/json", ""])
async def test_who_is_no_browser_gets_a_message(edge: EdgeServer, accept: str) -> None:
    async with http_of(edge.port) as http:
        answer = await http.get("/", headers={"accept": accept})
    assert answer.status_code == 200
    assert list(answer.json()) == ["message"]


class TestRanges:
    async def test_a_part_of_a_file(self, edge: EdgeServer) -> None:
        async with http_of(edge.port) as http:
            whole = await http.get("/page/main.js")
            part = await http.get("/page/main.js", headers={"range": "bytes=5-9"})
        assert (part.status_code, part.content) == (206, whole.content[5:10])
        assert part.headers["content-range"] == f"bytes 5-9/{len(whole.content)}"
        assert "content-security-policy" in part.headers

    @pytest.mark.parametrize(("range_", "status"), [("bytes=99999999-", 416), ("bytes=x", 400), ("lines=1-2", 400)])
    async def test_a_part_that_is_none(self, edge: EdgeServer, range_: str, status: int) -> None:
        async with http_of(edge.port) as http:
            assert (await http.get("/page/main.js", headers={"range": range_})).status_code == status

    async def test_other_routes_answer_whole(self, edge: EdgeServer) -> None:
        async with http_of(edge.port) as http:
            answer = await http.get("/v1/health", headers={"range": "bytes=0-3"})
        assert answer.status_code == 200
        assert "ok" in answer.json()
