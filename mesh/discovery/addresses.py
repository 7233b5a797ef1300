"""The addresses behind a target, "host:port" or "dns:///host:port" or several of them separated by commas."""

import asyncio
import ipaddress
import socket
from collections.abc import Awaitable, Callable, Iterable
from contextlib import suppress
from typing import NamedTuple, TypeAlias

import structlog

from mesh.process.ports import authority
from mesh.text.masking import masked

LOOKUP_LIMIT_S = 5.0
"""How long the name service may take."""
RESOLVED_FOR_S = 5.0
"""How long an answer of the name service is used."""
UNRESOLVED_FOR_S = 0.5
"""How long it is left alone while it has not named any address."""

_log = structlog.get_logger()


class BadTarget(ValueError):
    """The target names no host and port. The message names the faulty part."""


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
"""Finds the addresses of a name, IPv4 and IPv6. Raises `OSError` if it has none or the lookup fails."""


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


class Resolver:
    """Follows the addresses behind several targets, each resolved again and again.

    `listed` is called after every answer. `lookup` finds the addresses of a name.
    """

    def __init__(self, targets: Iterable[HostPort], listed: Callable[[], None], lookup: Lookup = lookup) -> None:
        self._targets = tuple(dict.fromkeys(targets))
        self._listed = listed
        self._lookup = lookup
        self._found: dict[HostPort, list[str]] = {}
        self._unresolved: set[HostPort] = set()
        self._asked_at = dict.fromkeys(self._targets, float("-inf"))

    def addresses(self, target: HostPort) -> list[str]:
        """What was found for a target last, as "host:port"."""
        return self._found.get(target, [])

    @property
    def all_addresses(self) -> list[str]:
        """The addresses of all targets, in their order, each once."""
        return list(dict.fromkeys(address for target in self._targets for address in self.addresses(target)))

    async def resolve_all(self, within: float) -> None:
        """Ask for every target once. What is not answered within so many seconds is left to `follow`."""
        with suppress(TimeoutError):
            async with asyncio.timeout(within), asyncio.TaskGroup() as tasks:
                for target in self._targets:
                    tasks.create_task(self._ask(target))

    async def follow(self) -> None:
        """Keep up with all targets, until cancelled."""
        async with asyncio.TaskGroup() as tasks:
            for target in self._targets:
                tasks.create_task(self._follow(target))

    async def _follow(self, target: HostPort) -> None:
        clock = asyncio.get_running_loop().time
        while not (target.is_literal and self.addresses(target)):
            used_for = RESOLVED_FOR_S if self.addresses(target) else UNRESOLVED_FOR_S
            await asyncio.sleep(self._asked_at[target] + used_for - clock())
            await self._ask(target)

    async def _ask(self, target: HostPort) -> None:
        try:
            addresses = await resolve(target, self._lookup)
        except OSError as error:
            # A name service that is slow or down has not taken the servers with it: go on with what is known.
            if target not in self._unresolved:
                _log.warning("name not resolved", name=target.host, cause=str(error))
            self._unresolved.add(target)
        else:
            self._found[target] = addresses
            self._unresolved.discard(target)
        self._asked_at[target] = asyncio.get_running_loop().time()
        self._listed()


def _parse(part: str) -> HostPort:
    host, colon, port = part.removeprefix("dns:///").rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isdecimal() and 0 < int(port) <= 65_535) or "/" in host:  # noqa: PLR2004 - the highest port
        raise BadTarget(f"{masked(part)!r} is not host:port")
    try:
        host.encode("idna")
    except UnicodeError:
        raise BadTarget(f"{masked(host)!r} is not the name of a host") from None
    return HostPort(host, int(port))
