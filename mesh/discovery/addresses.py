"""Finds the addresses behind a target: "host:port", "dns:///host:port", or several of them separated by commas."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeAlias

from mesh.ports import authority

LOOKUP_LIMIT_S = 5.0
"""How long the name service may take."""


class BadTarget(ValueError):
    """The target names no host and port; the message tells which part of it."""


class HostPort(NamedTuple):
    """One part of a target."""

    host: str
    port: int

    @property
    def is_literal(self) -> bool:
        """Whether the host is an address rather than a name."""
        try:
            ipaddress.ip_address(self.host)
        except ValueError:
            return False
        return True


Lookup: TypeAlias = Callable[[str], Awaitable[list[str]]]
"""Finds the addresses of a name, IPv4 and IPv6. Raises `OSError` if it has none, or if that cannot be told."""


def parse_target(target: str) -> list[HostPort]:
    """The hosts and ports a target names, in its order, each once. Raises `BadTarget`."""
    return list(dict.fromkeys(_parse(part.strip()) for part in target.split(",")))


async def lookup(name: str) -> list[str]:
    """Ask the system: its hosts file, then its name service for A and AAAA records."""
    answers = await asyncio.get_running_loop().getaddrinfo(name, None, type=socket.SOCK_STREAM)
    return [str(address[0]) for *_, address in answers]


async def resolve(target: HostPort, lookup: Lookup = lookup) -> list[str]:
    """Every address behind this, as "host:port" with a literal host, each once.

    Raises `OSError` if the name is unknown, or if the name service is down or takes too long.
    """
    if target.is_literal:
        return [authority(*target)]
    async with asyncio.timeout(LOOKUP_LIMIT_S):
        found = await lookup(target.host)
    return [authority(address, target.port) for address in dict.fromkeys(found)]


def _parse(part: str) -> HostPort:
    host, colon, port = part.removeprefix("dns:///").rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isdecimal() and 0 < int(port) <= 65_535) or "/" in host:  # noqa: PLR2004 - the highest port
        raise BadTarget(f"{part!r} is not host:port")
    try:
        host.encode("idna")
    except UnicodeError:
        raise BadTarget(f"{host!r} is not the name of a host") from None
    return HostPort(host, int(port))
