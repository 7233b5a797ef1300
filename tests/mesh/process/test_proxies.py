"""Which proxy is used for which address."""

import pytest

from mesh.process.proxies import BadProxy, proxy_for


@pytest.fixture(autouse=True)
def _no_proxy(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY", "REQUEST_METHOD"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.lower(), raising=False)
    monkeypatch.setattr("importlib.util.find_spec", lambda name: name)


HTTP, HTTPS = "http://llm.example:8080/v1", "https://llm.example/v1"


@pytest.mark.parametrize(
    ("environ", "url", "proxy"),
    [
        ({}, HTTP, None),
        ({"http_proxy": "http://gate:3128"}, HTTP, "http://gate:3128"),
        ({"HTTP_PROXY": "gate:3128"}, HTTP, "http://gate:3128"),
        ({"HTTPS_PROXY": "http://me:hush@gate:3128"}, HTTPS, "http://me:hush@gate:3128"),
        ({"HTTPS_PROXY": "http://gate:3128"}, HTTP, None),
        ({"ALL_PROXY": "socks5://gate:1080"}, HTTPS, "socks5://gate:1080"),
        ({"ALL_PROXY": "socks://gate:1080/"}, HTTPS, "socks5h://gate:1080/"),
        ({"ALL_PROXY": "gopher://gate", "HTTPS_PROXY": "http://gate:3128"}, HTTPS, "http://gate:3128"),
        ({"ALL_PROXY": "gopher://gate"}, "http://127.0.0.1:8080", None),
        ({"ALL_PROXY": "gopher://gate"}, "http://127.0.0.9", None),
        ({"ALL_PROXY": "gopher://gate"}, "https://[::1]:8080", None),
        ({"ALL_PROXY": "gopher://gate"}, "http://localhost", None),
        ({"ALL_PROXY": "gopher://gate"}, "http://model.localhost:8080", None),
        ({"ALL_PROXY": "gopher://gate", "NO_PROXY": "llm.example"}, HTTP, None),
        ({"ALL_PROXY": "gopher://gate", "no_proxy": ".example"}, HTTP, None),
        ({"ALL_PROXY": "gopher://gate", "NO_PROXY": "llm.example:8080"}, HTTP, None),
        ({"ALL_PROXY": "gopher://gate", "NO_PROXY": "llm.example:443"}, HTTPS, None),
        ({"ALL_PROXY": "gopher://gate", "NO_PROXY": "*"}, HTTP, None),
        ({"ALL_PROXY": "gopher://gate", "NO_PROXY": "nowhere, 10.0.0.0/8"}, "http://10.1.2.3", None),
        ({"ALL_PROXY": "gopher://gate"}, "https://[", None),
        ({"ALL_PROXY": "gopher://gate", "NO_PROXY": "fd00::/8"}, "http://[fd00::7]:80", None),
    ],
)
def test_the_proxy(monkeypatch: pytest.MonkeyPatch, environ: dict[str, str], url: str, proxy: str | None) -> None:
    for name, value in environ.items():
        monkeypatch.setenv(name, value)
    assert proxy_for(url) == proxy


@pytest.mark.parametrize(
    "proxy", ["gopher://me:hush@gate", "socks4://gate", "ftp://gate", "http://[::1", "http://gate:x"]
)
def test_one_that_cannot_be_used(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("ALL_PROXY", proxy)
    with pytest.raises(BadProxy, match="the proxy of ALL_PROXY") as refused:
        proxy_for(HTTP)
    assert "hush" not in str(refused.value)


def test_socks_needs_a_package(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    monkeypatch.setenv("ALL_PROXY", "socks5://gate:1080")
    with pytest.raises(BadProxy, match=r"pip install socksio, or put llm\.example into NO_PROXY"):
        proxy_for(HTTP)
