"""The proxies that the environment names for the way out: HTTP_PROXY, HTTPS_PROXY, ALL_PROXY and NO_PROXY.

A client is given the one proxy of the one server that it asks, so that another's fault does not hinder it.
"""

import importlib.util
import ipaddress
import urllib.request
from collections.abc import Iterator
from contextlib import suppress
from urllib.parse import urlsplit

import httpx2

_PROXY_SCHEMES = {"http": "http", "https": "https", "socks5": "socks5", "socks5h": "socks5h", "socks": "socks5h"}
"""What desktops write as socks:// is SOCKS 5."""


class BadProxy(ValueError):
    """The environment names a proxy that cannot be used. The message says why, and holds no secret."""


def proxy_for(url: str) -> str | None:
    """Return the proxy that the environment names for a URL, as a URL; None: the way is direct.

    Nothing of this machine is behind a proxy. Raises `BadProxy`.
    """
    try:
        parts = urlsplit(url)
        host, scheme = parts.hostname or "", parts.scheme
        port = parts.port or (443 if scheme == "https" else 80)
    except ValueError:  # it is no URL, as whoever asks it will find out
        return None
    if is_this_machine(host) or _is_excepted(host, port):
        return None
    proxies = urllib.request.getproxies()
    variable = next((name for name in (scheme, "all") if proxies.get(name)), None)
    if variable is None:
        return None
    found = proxies[variable].strip()
    named, _, rest = found.rpartition("://")
    kind = _PROXY_SCHEMES.get(named.lower() or "http")
    if kind is None:
        raise BadProxy(
            f"the proxy of {variable.upper()}_PROXY begins with {named}://: expected http://, https:// or socks5://; "
            f"or put {host} into NO_PROXY"
        )
    if kind.startswith("socks") and importlib.util.find_spec("socksio") is None:
        raise BadProxy(
            f"the proxy of {variable.upper()}_PROXY speaks SOCKS, and the package socksio is not installed: "
            f"pip install socksio, or put {host} into NO_PROXY"
        )
    proxy = f"{kind}://{rest}"
    try:
        httpx2.Proxy(proxy)
    except (ValueError, httpx2.InvalidURL):
        raise BadProxy(f"the proxy of {variable.upper()}_PROXY is no address") from None
    return proxy


def is_this_machine(host: str) -> bool:
    """Whether a name or an address is this machine's own, to which no proxy leads."""
    if host == "localhost" or host.endswith(".localhost"):
        return True
    with suppress(ValueError):
        return ipaddress.ip_address(host).is_loopback
    return False


def _is_excepted(host: str, port: int) -> bool:
    if urllib.request.proxy_bypass(host) or urllib.request.proxy_bypass(f"{host}:{port}"):
        return True
    with suppress(ValueError):
        ip = ipaddress.ip_address(host)
        return any(ip in network for network in _networks(urllib.request.getproxies().get("no", "")))
    return False


def _networks(no_proxy: str) -> Iterator[ipaddress.IPv4Network | ipaddress.IPv6Network]:
    for part in no_proxy.split(","):
        with suppress(ValueError):
            yield ipaddress.ip_network(part.strip(), strict=False)
