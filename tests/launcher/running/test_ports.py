import socket
from collections.abc import Iterator

import pytest

from launcher.running.ports import PortUnusable, PortWanted, check_free
from tests.ports import free_port


@pytest.fixture
def listening() -> Iterator[socket.socket]:
    with socket.create_server(("127.0.0.1", 0)) as server:
        yield server


def test_free_ports_are_fine() -> None:
    check_free([PortWanted("127.0.0.1", free_port(), "the edge", "--port")])


def test_a_taken_port_is_named_with_the_way_out(listening: socket.socket) -> None:
    port = listening.getsockname()[1]
    with pytest.raises(PortUnusable, match=rf"port {port} .* taken .* the edge wants it; .* --port"):
        check_free([PortWanted("127.0.0.1", port, "the edge", "--port")])


def test_a_port_shared_by_its_listener_is_taken_too() -> None:
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as server, pytest.raises(PortUnusable):
        check_free([PortWanted("127.0.0.1", server.getsockname()[1], "the edge", "--port")])


def test_a_port_wanted_twice_is_named_with_both() -> None:
    port = free_port()
    wanted = [
        PortWanted("127.0.0.1", port, "the edge", "--port"),
        PortWanted("127.0.0.1", port, "the voices", "--offset"),
    ]
    with pytest.raises(PortUnusable, match=rf"the edge and the voices both want port {port}; move one with --offset"):
        check_free(wanted)


def test_an_address_that_is_not_this_machine_s_is_named() -> None:
    with pytest.raises(PortUnusable, match=r"the edge cannot listen on 192\.0\.2\.1:8000"):
        check_free([PortWanted("192.0.2.1", 8000, "the edge", "--port")])


def test_connections_that_have_ended_do_not_count() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        address = server.getsockname()
        with socket.create_connection(address), server.accept()[0]:
            pass
    check_free([PortWanted("127.0.0.1", address[1], "the edge", "--port")])
