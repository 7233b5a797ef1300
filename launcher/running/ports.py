"""Whether the ports of a mesh are free, and which process owns one that is not."""

from collections.abc import Iterable, Iterator
from typing import NamedTuple

import psutil

from launcher.failure import Failure
from mesh.process.ports import PortTaken, raise_why_not


class PortUnusable(Failure):
    """Ports cannot be had; the message names each and says how to choose another."""


class PortWanted(NamedTuple):
    """A TCP port that `use` wants to listen on; `remedy` is the option that moves it."""

    host: str
    port: int
    use: str
    remedy: str


class PortFault(NamedTuple):
    """Why a port cannot be had, and what to do about it."""

    wanted: PortWanted
    why: str
    remedy: str


def check_free(wanted: Iterable[PortWanted]) -> None:
    """Raise `PortUnusable` for the ports that are in use, or wanted twice."""
    if faults := list(port_faults(wanted)):
        raise PortUnusable("\n       ".join(f"{fault.why}; {fault.remedy}" for fault in faults))


def port_faults(wanted: Iterable[PortWanted]) -> Iterator[PortFault]:
    """What is wrong with each port that cannot be had."""
    wanted_by: dict[int, PortWanted] = {}
    for each in wanted:
        if each.port and (other := wanted_by.get(each.port)):
            yield PortFault(
                each, f"{other.use} and {each.use} both want port {each.port}", f"move one with {each.remedy}"
            )
            continue
        wanted_by[each.port] = each
        try:
            raise_why_not(each.host, each.port)
        except PortTaken:
            by = port_owner(each.port)
            yield PortFault(
                each,
                f"port {each.port} on {each.host} is taken by {by or 'another process'}, and {each.use} wants it",
                f"stop that, or use {each.remedy}",
            )
        except OSError as error:
            yield PortFault(
                each,
                f"{each.use} cannot listen on {each.host}:{each.port}: {error.strerror}",
                f"choose an address of this machine, or use {each.remedy}",
            )


def port_owner(port: int) -> str | None:
    """The process that listens on a TCP port, as "name, process 123"; None: that cannot be known.

    Its name only: how it was started may hold secrets.
    """
    try:
        for connection in psutil.net_connections("tcp"):
            listens = connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port
            if listens and connection.pid:
                return f"{psutil.Process(connection.pid).name()}, process {connection.pid}"
    except (psutil.Error, OSError):
        return None
    return None
