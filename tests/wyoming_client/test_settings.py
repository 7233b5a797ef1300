import pytest

from mesh.discovery.addresses import BadTarget
from wyoming_client.settings import WyomingUrl, parse_urls


def test_a_url_is_a_host_and_a_port() -> None:
    assert parse_urls(["tcp://piper:10200", "tcp://[::1]:1/"]) == [WyomingUrl("piper", 10_200), WyomingUrl("::1", 1)]


@pytest.mark.parametrize(
    "url", ["piper:10200", "http://piper:10200", "tcp://piper", "tcp://:1", "tcp://a:b", "tcp://a:1/x"]
)
def test_anything_else_is_none(url: str) -> None:
    with pytest.raises(BadTarget, match="tcp://host:port"):
        parse_urls([url])
