import asyncio
import socket
from typing import Any

import pytest

from mesh.discovery import addresses
from mesh.discovery.addresses import BadTarget, HostPort, lookup, parse_target, resolve


@pytest.mark.parametrize(
    ("target", "parsed"),
    [
        ("127.0.0.1:50052", [("127.0.0.1", 50_052)]),
        ("dns:///stt:50052", [("stt", 50_052)]),
        ("[::1]:50052", [("::1", 50_052)]),
        ("a:1, b:2,dns:///c:3,a:1", [("a", 1), ("b", 2), ("c", 3)]),
    ],
)
def test_targets_are_read(target: str, parsed: list[tuple[str, int]]) -> None:
    assert parse_target(target) == [HostPort(*each) for each in parsed]


@pytest.mark.parametrize(
    "target", ["", "stt", "stt:", ":50052", "stt:http", "stt:0", "stt:70000", "a:1,,b:2", "http://stt:50052"]
)
def test_a_target_without_host_and_port_is_refused(target: str) -> None:
    with pytest.raises(BadTarget, match="is not host:port"):
        parse_target(target)


def test_a_host_that_can_have_no_address_is_refused() -> None:
    with pytest.raises(BadTarget, match=r"'a\.\.b' is not the name of a host"):
        parse_target("a..b:50052")


async def test_literal_addresses_are_taken_as_they_are() -> None:
    async def nobody_to_ask(_name: str) -> list[str]:
        raise AssertionError

    assert await resolve(HostPort("127.0.0.1", 1), nobody_to_ask) == ["127.0.0.1:1"]
    assert await resolve(HostPort("::1", 2), nobody_to_ask) == ["[::1]:2"]


async def test_every_address_of_a_name_is_a_replica_once() -> None:
    async def lookup(name: str) -> list[str]:
        assert name == "stt"
        return ["10.0.0.1", "fd00::1", "10.0.0.2", "10.0.0.1"]

    assert await resolve(HostPort("stt", 50_052), lookup) == ["10.0.0.1:50052", "[fd00::1]:50052", "10.0.0.2:50052"]


async def test_a_name_service_that_takes_too_long_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    async def hang(_name: str) -> list[str]:
        await asyncio.Event().wait()
        return []

    monkeypatch.setattr(addresses, "LOOKUP_LIMIT_S", 0.01)
    with pytest.raises(TimeoutError):
        await resolve(HostPort("stt", 50_052), hang)


async def test_the_system_is_asked_for_both_families(monkeypatch: pytest.MonkeyPatch) -> None:
    async def getaddrinfo(_host: str, _port: object, **asked: object) -> list[Any]:
        assert "family" not in asked
        return [
            (socket.AF_INET, socket.SOCK_STREAM, 6, "", ("10.0.0.1", 0)),
            (socket.AF_INET6, socket.SOCK_STREAM, 6, "", ("fd00::1", 0, 0, 0)),
        ]

    monkeypatch.setattr(asyncio.get_running_loop(), "getaddrinfo", getaddrinfo)
    assert await lookup("stt") == ["10.0.0.1", "fd00::1"]


async def test_the_system_knows_localhost() -> None:
    assert "127.0.0.1" in await lookup("localhost")


async def test_a_name_nobody_knows_is_an_error() -> None:
    with pytest.raises(socket.gaierror):
        await lookup("nowhere.invalid")
