import asyncio
import socket
from typing import Any

import pytest

from mesh.addresses import BadTarget, HostPort, parse_target, resolve


@pytest.mark.parametrize(
    ("target", "parsed"),
    [
        ("127.0.0.1:50052", [("127.0.0.1", 50_052)]),
        ("dns:///stt:50052", [("stt", 50_052)]),
        ("[::1]:50052", [("::1", 50_052)]),
        ("a:1, b:2,dns:///c:3", [("a", 1), ("b", 2), ("c", 3)]),
    ],
)
def test_targets_are_read(target: str, parsed: list[tuple[str, int]]) -> None:
    assert parse_target(target) == [HostPort(*each) for each in parsed]


@pytest.mark.parametrize("target", ["", "stt", "stt:", ":50052", "stt:http", "stt:0", "stt:70000", "a:1,,b:2"])
def test_a_target_without_host_and_port_is_refused(target: str) -> None:
    with pytest.raises(BadTarget, match="is not host:port"):
        parse_target(target)


async def resolved(monkeypatch: pytest.MonkeyPatch, *answers: tuple[socket.AddressFamily, str]) -> list[str]:
    """What a name is resolved to when the name service answers so."""

    async def getaddrinfo(_host: str, port: int, **_: Any) -> list[Any]:
        return [(family, socket.SOCK_STREAM, 6, "", (address, port)) for family, address in answers]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    return await resolve([HostPort("stt", 50_052)])


async def test_every_address_of_a_name_is_a_replica(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(socket.AF_INET, "10.0.0.1"), (socket.AF_INET, "10.0.0.2"), (socket.AF_INET, "10.0.0.1")]
    assert await resolved(monkeypatch, *answers) == ["10.0.0.1:50052", "10.0.0.2:50052"]


async def test_a_replica_with_addresses_of_both_families_counts_once(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(socket.AF_INET6, "fd00::1"), (socket.AF_INET, "10.0.0.1")]
    assert await resolved(monkeypatch, *answers) == ["10.0.0.1:50052"]


async def test_a_name_with_ipv6_addresses_alone_has_those(monkeypatch: pytest.MonkeyPatch) -> None:
    answers = [(socket.AF_INET6, "fd00::1"), (socket.AF_INET6, "fd00::2")]
    assert await resolved(monkeypatch, *answers) == ["[fd00::1]:50052", "[fd00::2]:50052"]


async def test_literal_addresses_are_taken_as_they_are() -> None:
    assert await resolve(parse_target("127.0.0.1:1,[::1]:2,127.0.0.1:1")) == ["127.0.0.1:1", "[::1]:2"]
