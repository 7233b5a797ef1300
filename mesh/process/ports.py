"""Ports that a process listens on."""

import errno
import socket


class PortTaken(Exception):
    """Another process listens on the port already."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(f"port {port} on {host} is taken by another process")
        self.host = host
        self.port = port


def authority(host: str, port: int) -> str:
    """Host and port as one text; an IPv6 address is put in brackets."""
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}"


def raise_why_not(host: str, port: int) -> None:
    """Raise what keeps a process from listening there: `PortTaken`, or the system's `OSError`; nothing: return."""
    family, kind, protocol, _, address = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)[0]
    with socket.socket(family, kind, protocol) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen()
        except OSError as error:
            if error.errno == errno.EADDRINUSE:
                raise PortTaken(host, port) from None
            raise
