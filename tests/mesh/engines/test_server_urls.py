import pytest

from mesh.discovery.addresses import BadTarget
from mesh.engines.server_urls import parse_urls


@pytest.mark.parametrize(
    ("url", "websocket", "http"),
    [
        ("ws://stt:8090", "ws://stt:8090/api/x", "http://1.2.3.4:1/api/x"),
        ("http://stt", "ws://stt:80/api/x", "http://1.2.3.4:1/api/x"),
        ("https://stt/", "wss://stt:443/api/x", "https://1.2.3.4:1/api/x"),
        ("wss://gpu.example/stt/", "wss://gpu.example:443/stt/api/x", "https://1.2.3.4:1/stt/api/x"),
        ("ws://[::1]:8090", "ws://[::1]:8090/api/x", "http://1.2.3.4:1/api/x"),
    ],
)
def test_either_kind_of_url_says_where_both_kinds_of_request_go(url: str, websocket: str, http: str) -> None:
    [parsed] = parse_urls([url])
    assert parsed.websocket("/api/x") == websocket
    assert parsed.http("1.2.3.4:1", "/api/x") == http


@pytest.mark.parametrize(
    "url", ["", "stt:8090", "ftp://stt", "ws://", "ws://stt:99999", "ws://a:b@stt", "ws://stt?x=1"]
)
def test_what_is_no_url_is_named(url: str) -> None:
    with pytest.raises(BadTarget, match="is not http"):
        parse_urls([url])
