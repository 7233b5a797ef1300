"""Ports for the processes that tests start."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager

_OFFSETS = range(11_000, 15_000, 100)
"""What `parley up` takes, in steps that leave room for replicas. With these, no port is of those that Linux gives to
connections and to servers that ask for any (32768 to 60999): another test could take it before the mesh does."""
_PORTS = (8000, 8091, 9151, 9152, 9153, 9154, 50051, 50052, 50053, 50054)


def free_port() -> int:
    """A port on which nobody listens."""
    with socket.create_server(("127.0.0.1", 0)) as server:
        port: int = server.getsockname()[1]
    return port


@contextmanager
def reserved_offset() -> Iterator[int]:
    """A port offset at which a mesh's ports are free; no other test on this machine is given it meanwhile."""
    for offset in _OFFSETS:
        with socket.socket(socket.AF_UNIX) as claim:
            try:
                # A name without a file, which is free again however this process ends.
                claim.bind(f"\0parley-tests-ports-{offset}")
                for port in _PORTS:
                    with socket.socket() as probe:
                        probe.bind(("127.0.0.1", port + offset))
            except OSError:
                continue
            yield offset
            return
    raise AssertionError("no port offset is free")
