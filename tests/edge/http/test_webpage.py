"""The page as a browser is served it."""

import httpx2
import pytest
from starlette.datastructures import Headers

from edge.http.webpage import wants_page
from edge.server import EdgeServer
from tests.edge.clients import http_of
from tests.edge.conftest import EdgeFactory

BROWSER = {"accept": "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"}


async def get(serve_edge: EdgeFactory, path: str, **headers: str) -> httpx2.Response:
    async with serve_edge() as edge, http_of(edge.port) as http:
        return await http.get(path, headers=headers)


class TestNegotiation:
    async def test_a_browser_gets_the_page(self, serve_edge: EdgeFactory) -> None:
        answer = await get(serve_edge, "/", **BROWSER)
        assert answer.headers["content-type"] == "text/html; charset=utf-8"
        assert "<title>" in answer.text
        assert "Accept" in answer.headers["vary"]

    async def test_a_script_gets_the_banner(self, serve_edge: EdgeFactory) -> None:
        answer = await get(serve_edge, "/", accept="*/*")
        assert "/v1/converse" in answer.json()["message"]
        assert "Accept" in answer.headers["vary"]

    @pytest.mark.parametrize(
        ("accept", "html"),
        [
            ("text/html", True),
            ("application/json, Text/HTML ; q=0.5", True),
            ("*/*", False),
            ("", False),
            ("application/json", False),
            ("text/html;q=0", False),
            ("text/html; q=0.000, */*", False),
            ("text/html;level=0", True),
            ("text/html;q=0.01", True),
        ],
    )
    def test_who_wants_it(self, accept: str, *, html: bool) -> None:
        assert wants_page(Headers({"accept": accept})) is html


class TestHeaders:
    @pytest.mark.parametrize("path", ["/", "/page/main.js", "/page/page.css", "/page/nothing.js"])
    async def test_they_are_strict_everywhere(self, serve_edge: EdgeFactory, path: str) -> None:
        answer = await get(serve_edge, path, **BROWSER)
        policy = dict(part.split(" ", 1) for part in answer.headers["content-security-policy"].split("; "))
        assert policy["default-src"] == "'none'"
        assert policy["script-src"] == policy["style-src"] == policy["connect-src"] == "'self'"
        assert policy["frame-ancestors"] == policy["base-uri"] == policy["form-action"] == "'none'"
        assert "unsafe" not in answer.headers["content-security-policy"]
        assert "microphone=(self)" in answer.headers["permissions-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["referrer-policy"] == "no-referrer"
        assert answer.headers["cross-origin-opener-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-cache"

    async def test_other_routes_have_none_of_them(self, serve_edge: EdgeFactory) -> None:
        answer = await get(serve_edge, "/v1/health")
        assert "content-security-policy" not in answer.headers


class TestFiles:
    @pytest.mark.parametrize(
        ("name", "media_type"),
        [("main.js", "javascript"), ("page.css", "text/css"), ("icon.svg", "image/svg+xml")],
    )
    async def test_each_has_its_type(self, serve_edge: EdgeFactory, name: str, media_type: str) -> None:
        answer = await get(serve_edge, f"/page/{name}")
        assert answer.status_code == 200
        assert media_type in answer.headers["content-type"]

    @pytest.mark.parametrize("path", ["/", "/page/main.js"])
    async def test_what_has_not_changed_is_not_sent_again(self, serve_edge: EdgeFactory, path: str) -> None:
        async with serve_edge() as edge, http_of(edge.port) as http:
            first = await http.get(path, headers=BROWSER)
            again = await http.get(path, headers={**BROWSER, "if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again.headers["content-security-policy"] == first.headers["content-security-policy"]

    @pytest.mark.parametrize("path", ["/page/../webpage.py", "/page/%2e%2e/webpage.py", "/page//etc/passwd", "/page/"])
    async def test_nothing_else_is_served(self, serve_edge: EdgeFactory, path: str) -> None:
        assert (await get(serve_edge, path)).status_code == 404

    async def test_head(self, edge: EdgeServer) -> None:
        async with http_of(edge.port) as http:
            answer = await http.head("/", headers=BROWSER)
        assert (answer.status_code, answer.content) == (200, b"")
