"""The pages that may open a WebSocket, and those that may not."""

import pytest

from edge.server import EdgeServer
from edge.settings import EdgeSettings
from mesh.settings import SettingError, load
from tests.edge.clients import client_of, http_of
from tests.edge.conftest import EdgeFactory
from tests.edge.pages import ELSEWHERE, page_of, refusal
from tests.edge.stripping_proxy import stripping_proxy

PATHS = ("/v1/realtime", "/v1/converse")


class TestOrigin:
    @pytest.mark.parametrize("path", PATHS)
    async def test_a_page_from_elsewhere_is_refused(self, edge: EdgeServer, path: str) -> None:
        status, body = await refusal(ELSEWHERE, edge, path=path)
        assert status == 403
        assert body == {"detail": f"pages of {ELSEWHERE} may not open a conversation here"}

    @pytest.mark.parametrize("path", PATHS)
    @pytest.mark.parametrize(
        ("origin", "asks"),
        [
            ("http://127.0.0.1:8000", "127.0.0.1:8000"),
            ("http://parley.lan", "parley.lan"),
            ("https://parley.example", "parley.example"),  # behind a proxy that ends TLS
            ("https://parley.example", "parley.example:443"),
            ("http://parley.lan", "Parley.LAN:80"),
            ("https://parley.example:8443", "parley.example:8443"),
            ("http://[::1]:8000", "[::1]:8000"),
        ],
    )
    async def test_the_page_of_the_edge_itself_may_whatever_its_address(
        self, edge: EdgeServer, origin: str, asks: str, path: str
    ) -> None:
        async with page_of(origin, edge, asks=asks, path=path):
            pass

    @pytest.mark.parametrize(
        ("origin", "asks"),
        [
            ("http://parley.lan:3000", "parley.lan"),
            ("http://parley.lan", "parley.lan:3000"),
            ("http://parley.lan:443", "parley.lan"),
            ("http://evil.example", "parley.example"),
            ("http://parley.example.evil.example", "parley.example"),
            ("http://evil-parley.example", "parley.example"),
            ("null", "parley.example"),
            ("parley.example", "parley.example"),
            ("", "parley.example"),
        ],
    )
    async def test_what_only_looks_like_it_may_not(self, edge: EdgeServer, origin: str, asks: str) -> None:
        assert (await refusal(origin, edge, asks=asks))[0] == 403

    @pytest.mark.parametrize("path", PATHS)
    async def test_a_program_says_no_origin_and_may(self, edge: EdgeServer, path: str) -> None:
        async with client_of(edge.port, path):
            pass


@pytest.mark.parametrize(
    ("method", "path"), [("POST", "/v1/voices"), ("GET", "/v1/voice-donation"), ("POST", "/v1/voice-donation")]
)
class TestRecordings:
    """The routes that take recordings keep the same rule."""

    async def test_a_page_from_elsewhere_may_not_send_one(self, edge: EdgeServer, method: str, path: str) -> None:
        async with http_of(edge.port) as http:
            answer = await http.request(method, path, headers={"origin": ELSEWHERE})
        assert answer.status_code == 403
        assert answer.json() == {"detail": f"pages of {ELSEWHERE} may not send a recording here"}

    async def test_the_edges_own_page_and_programs_may(self, edge: EdgeServer, method: str, path: str) -> None:
        async with http_of(edge.port) as http:
            for headers in ({}, {"origin": f"http://127.0.0.1:{edge.port}"}, {"origin": "http://localhost:3000"}):
                assert (await http.request(method, path, headers=headers)).status_code != 403


@pytest.mark.unmute("S1")
class TestUnmutesDeployments:
    """Its own page works unchanged with the settings as they are."""

    async def test_its_development_server(self, edge: EdgeServer) -> None:
        async with page_of("http://localhost:3000", edge, asks="localhost:8000") as websocket:
            assert websocket.subprotocol == "realtime"

    @pytest.mark.parametrize("site", ["http://localhost", "https://unmute.example"])
    async def test_behind_the_proxy_of_its_compose_file(self, edge: EdgeServer, site: str) -> None:
        host = site.partition("://")[2]
        async with (
            stripping_proxy(edge.port, f"X-Forwarded-Host: {host}", "X-Forwarded-For: 203.0.113.7") as port,
            page_of(site, port, asks=host, path="/api/v1/realtime") as websocket,
        ):
            assert websocket.subprotocol == "realtime"
            assert (await refusal(ELSEWHERE, port, asks=host, path="/api/v1/realtime"))[0] == 403


class TestSettings:
    async def test_more_origins(self, serve_edge: EdgeFactory) -> None:
        async with serve_edge(websocket_origins=("same", ELSEWHERE)) as edge:
            async with page_of(ELSEWHERE, edge), page_of("http://parley.lan", edge, asks="parley.lan"):
                pass
            assert (await refusal(f"{ELSEWHERE}:8443", edge))[0] == 403

    async def test_only_named_origins(self, serve_edge: EdgeFactory) -> None:
        """Without `same`, a name that somebody points at this machine makes no page of theirs welcome."""
        async with serve_edge(websocket_origins=("https://parley.example",), cors_origins=()) as edge:
            async with page_of("https://parley.example", edge, asks="parley.example"):
                pass
            assert (await refusal("http://evil.example", edge, asks="evil.example"))[0] == 403

    @pytest.mark.parametrize("setting", ["websocket_origins", "cors_origins"])
    @pytest.mark.parametrize("origin", [ELSEWHERE, "null"])
    async def test_any_origin(self, serve_edge: EdgeFactory, setting: str, origin: str) -> None:
        async with serve_edge(**{setting: ("*",)}) as edge, page_of(origin, edge):
            pass

    @pytest.mark.parametrize(
        "origins", ["parley.example", "https://parley.example/", "https://Parley.example", "https://*.example/x", "all"]
    )
    @pytest.mark.parametrize("variable", ["PARLEY_EDGE_WEBSOCKET_ORIGINS", "PARLEY_EDGE_CORS_ORIGINS"])
    def test_what_is_no_origin_is_refused_at_the_start(self, variable: str, origins: str) -> None:
        with pytest.raises(SettingError, match=f"{variable}={origins.replace('*', '.')} is not a list .* an origin"):
            load(EdgeSettings, {variable: origins})

    def test_from_the_environment(self) -> None:
        settings = load(
            EdgeSettings,
            {
                "PARLEY_EDGE_WEBSOCKET_ORIGINS": "same, https://a.example:8443, null",
                "PARLEY_EDGE_TRUSTED_PROXIES": "10.0.0.0/8,::1",
                "PARLEY_EDGE_SESSIONS_PER_ADDRESS": "3",
            },
        )
        assert settings.websocket_origins == ("same", "https://a.example:8443", "null")
        assert settings.trusted_proxies == ("10.0.0.0/8", "::1")
        assert settings.sessions_per_address == 3
