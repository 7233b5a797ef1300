"""Settings of engines on Wyoming servers, whichever service they are behind, and the URLs of such servers."""

from collections.abc import Iterable
from typing import Annotated, NamedTuple
from urllib.parse import urlsplit

from mesh.discovery.addresses import BadTarget, HostPort
from mesh.pool import Options
from mesh.settings import Settings, setting
from mesh.text.masking import masked


class WyomingSettings(Settings, frozen=True, kw_only=True):
    """Settings of connections with the servers."""

    urls: Annotated[
        tuple[str, ...], setting(help="URLs of Wyoming servers, tcp://host:port. One may resolve to several servers.")
    ] = ()
    connect_limit_s: Annotated[
        float, setting(help="Seconds that one Wyoming server may take to be connected.", gt=0, le=60)
    ] = 2.0
    answer_limit_s: Annotated[
        float, setting(help="Seconds that a Wyoming server may take until its answer begins.", gt=0, le=60)
    ] = 8.0
    probe_interval_s: Annotated[
        float, setting(help="Seconds between two questions whether a server is there.", ge=0.05, le=600)
    ] = 5.0

    def options(self, most_leases: int) -> Options:
        """How connections are opened."""
        return Options(
            most_leases=most_leases, try_limit_s=self.connect_limit_s, search_limit_s=2 * self.connect_limit_s
        )


class WyomingUrl(NamedTuple):
    """The parsed URL of one server, or of several that share a name."""

    host: str
    port: int

    @property
    def target(self) -> HostPort:
        """What to resolve."""
        return HostPort(self.host, self.port)


def parse_urls(urls: Iterable[str]) -> list[WyomingUrl]:
    """The URLs of a setting. Raises `BadTarget`."""
    return [_parsed(url) for url in urls]


def _parsed(url: str) -> WyomingUrl:
    try:
        parts = urlsplit(url)
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    if not host or not port or parts.scheme != "tcp" or parts.path.strip("/") or parts.query or parts.fragment:
        raise BadTarget(f"{masked(url)!r} is not tcp://host:port")
    return WyomingUrl(host, port)
