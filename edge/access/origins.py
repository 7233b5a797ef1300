"""Which pages may open a WebSocket, or send a recording.

A browser lets every page of the web connect to every WebSocket, with whatever the person's machine and cookies can
reach, and leaves it to the server to look at `Origin` (RFC 6455, 10.2). Programs send none: they could send any.
"""

from collections.abc import Iterable, Mapping

ANY = "*"
SAME = "same"
"""Stands for the origin that the WebSocket itself has: that of a page which the same server serves."""

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}


class Origins:
    """The origins whose pages are let in."""

    def __init__(self, named: Iterable[str]) -> None:
        self._named = frozenset(named)

    def allow(self, headers: Mapping[str, str]) -> bool:
        """Whether a handshake with these headers comes from such a page, or from none."""
        origin = headers.get("origin")
        if origin is None or ANY in self._named or origin in self._named:
            return True
        return SAME in self._named and _is_same(origin, headers.get("host", ""))


def _is_same(origin: str, host: str) -> bool:
    """Whether the origin is at this host and port.

    The schemes may differ, behind a proxy that ends TLS. Browsers leave a scheme's own port out of both; some proxies
    put it into the host.
    """
    scheme, _, authority = origin.partition("://")
    return bool(authority) and authority == host.lower().removesuffix(_DEFAULT_PORTS.get(scheme, ""))
