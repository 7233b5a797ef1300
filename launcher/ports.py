"""Whether the ports a mesh wants are free, asked before anything is started."""

from collections.abc import Iterable
from typing import NamedTuple

from launcher.failure import Failure
from mesh.ports import PortTaken, raise_why_not


class PortUnusable(Failure):
    """A port cannot be had; the message names it and says how to choose another."""


class PortWanted(NamedTuple):
    """A TCP port that `use` wants to listen on; `remedy` is the option that moves it."""

    host: str
    port: int
    use: str
    remedy: str


def check_free(wanted: Iterable[PortWanted]) -> None:
    """Raise `PortUnusable` for the first port that is in use, or wanted twice."""
    wanted_by: dict[int, PortWanted] = {}
    for each in wanted:
        if other := wanted_by.get(each.port):
            raise PortUnusable(f"{other.use} and {each.use} both want port {each.port}; move one with {each.remedy}")
        wanted_by[each.port] = each
        try:
            raise_why_not(each.host, each.port)
        except PortTaken as error:
            raise PortUnusable(f"{error}, and {each.use} wants it; stop that, or use {each.remedy}") from None
        except OSError as error:
            raise PortUnusable(f"{each.use} cannot listen on {each.host}:{each.port}: {error.strerror}") from None
