"""Finds the addresses behind a target: "host:port", "dns:///host:port", or several of them separated by commas."""

import asyncio
import ipaddress
import socket
from typing import NamedTuple

from mesh.ports import authority


class BadTarget(ValueError):  # noqa: N818 - named as a setting's error would read
    """The target names no host and port; the message tells which part of it."""


class HostPort(NamedTuple):
    """One part of a target."""

    host: str
    port: int


def parse_target(target: str) -> list[HostPort]:
    """The hosts and ports a target names, in its order. Raises `BadTarget`."""
    return [_parse(part.strip()) for part in target.split(",")]


async def resolve(targets: list[HostPort]) -> list[str]:
    """Every address behind these, as "host:port" with a literal host, each once. Raises `OSError` if a name is unknown.

    A name with IPv4 and IPv6 addresses stands for the same replicas twice; its IPv4 addresses are taken.
    """
    found = [address for target in targets for address in await _addresses(target)]
    return list(dict.fromkeys(found))


def _parse(part: str) -> HostPort:
    host, colon, port = part.removeprefix("dns:///").rpartition(":")
    host = host.removeprefix("[").removesuffix("]")
    if not (colon and host and port.isdecimal() and 0 < int(port) <= 65_535):  # noqa: PLR2004 - the highest port
        raise BadTarget(f"{part!r} is not host:port")
    return HostPort(host, int(port))


async def _addresses(target: HostPort) -> list[str]:
    if _is_literal(target.host):
        return [authority(*target)]
    loop = asyncio.get_running_loop()
    answers = await loop.getaddrinfo(target.host, target.port, type=socket.SOCK_STREAM)
    families = {answer[0] for answer in answers}
    family = socket.AF_INET if socket.AF_INET in families else socket.AF_INET6
    return [authority(str(answer[4][0]), target.port) for answer in answers if answer[0] == family]


def _is_literal(host: str) -> bool:
    try:
        ipaddress.ip_address(host)
    except ValueError:
        return False
    return True
