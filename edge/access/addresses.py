"""How many sessions each address on the network has."""

import ipaddress
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

_OWN_BITS = 64
"""Of an IPv6 address; the rest is at the choice of whoever has it."""


class TooManySessions(Exception):
    """The address has as many sessions as it may."""


class Addresses:
    """Counts sessions by address, and takes no more than `most` of each; 0: as many as come."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._sessions: Counter[str] = Counter()

    @contextmanager
    def one_more(self, address: str) -> Iterator[None]:
        """Count one while it lasts. Raises `TooManySessions`."""
        owner = _owner(address)
        if self._most and self._sessions[owner] >= self._most:
            raise TooManySessions
        self._sessions[owner] += 1
        try:
            yield
        finally:
            self._sessions[owner] -= 1
            if not self._sessions[owner]:
                del self._sessions[owner]


def _owner(address: str) -> str:
    """What one household or machine has: an IPv4 address, or a network of IPv6 addresses."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        # What a proxy wrote that hides addresses.
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), _OWN_BITS), strict=False))
