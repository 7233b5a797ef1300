"""Where servers are, as people say it: `http(s)` or `ws(s)` URLs, each of which may stand for several servers."""

from collections.abc import Iterable
from typing import NamedTuple
from urllib.parse import urlsplit

from mesh.discovery.addresses import BadTarget, HostPort
from mesh.process.ports import authority
from mesh.text.masking import masked

_SECURE = {"ws": False, "http": False, "wss": True, "https": True}


class ServerUrl(NamedTuple):
    """The parsed URL of one server, or of several that share a name."""

    secure: bool
    host: str
    port: int
    prefix: str
    """What comes before the paths of the server; mostly nothing."""

    @property
    def target(self) -> HostPort:
        """What to resolve."""
        return HostPort(self.host, self.port)

    def websocket(self, path: str) -> str:
        """The URL of a WebSocket at `path`."""
        return f"{'wss' if self.secure else 'ws'}://{authority(self.host, self.port)}{self.prefix}{path}"

    def http(self, address: str, path: str) -> str:
        """The URL of `path` on the server at `address`, "host:port"."""
        return f"{'https' if self.secure else 'http'}://{address}{self.prefix}{path}"


def parse_urls(urls: Iterable[str]) -> list[ServerUrl]:
    """The URLs of a setting. Raises `BadTarget`."""
    return [_parsed(url) for url in urls]


def _parsed(url: str) -> ServerUrl:
    try:
        parts = urlsplit(url)
        secure = _SECURE[parts.scheme]
        host, port = parts.hostname, parts.port or (443 if secure else 80)
    except (ValueError, KeyError):
        host = None
    if not host or parts.query or parts.fragment or parts.username or parts.password:
        raise BadTarget(f"{masked(url)!r} is not http(s)://host:port or ws(s)://host:port")
    return ServerUrl(secure, host, port, parts.path.rstrip("/"))
