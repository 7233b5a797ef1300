"""Which clients are let in. A refusal is an HTTP status, before a WebSocket opens or a recording is read."""

import ipaddress
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from http import HTTPStatus

import structlog
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from edge.access.origins import Origins
from mesh.errors import Draining
from mesh.process.drain import LiveCalls

_RETRY_AFTER_S = 10
"""When a client with too many sessions may come back: it is unknown when one of them ends."""

_LOGGED_EVERY_S = 60.0
"""A page that is refused tries again and again, on every machine where it is open."""

_LONGEST_ORIGIN = 200
"""Characters that are logged of it."""

log = structlog.get_logger()


class Refused(Exception):
    """A client is not let in; `status` and `message` tell it why, `retry_after_s` when to come back, if ever."""

    def __init__(self, status: int, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s

    def response(self) -> Response:
        """The answer to the handshake."""
        headers = {} if self.retry_after_s is None else {"retry-after": str(self.retry_after_s)}
        return JSONResponse({"detail": self.message}, status_code=self.status, headers=headers)


_OWN_BITS = 64
"""Of an IPv6 address; its owner chooses the rest."""


class TooManySessions(Exception):
    """The address has as many sessions as it may."""


class PerAddressLimit:
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


class OriginCheck:
    """Refuses pages of other origins than those allowed, and logs it once a minute."""

    def __init__(self, origins: Origins) -> None:
        self._origins = origins
        self._unlogged = 0
        self._log_again_at = 0.0

    def require(self, headers: Mapping[str, str], purpose: str) -> None:
        """Raise `Refused` with 403 if a request with these headers comes from such a page; `purpose` completes it."""
        if self._origins.allow(headers):
            return
        origin = headers["origin"]
        self._log(origin)
        raise Refused(HTTPStatus.FORBIDDEN, f"pages of {origin} may not {purpose} here")

    def _log(self, origin: str) -> None:
        """Log which page was refused, and how many since the last such line."""
        self._unlogged += 1
        if (now := time.monotonic()) < self._log_again_at:
            return
        log.warning(
            "refused a page of another origin",
            origin=origin[:_LONGEST_ORIGIN],
            times=self._unlogged,
            setting="PARLEY_EDGE_WEBSOCKET_ORIGINS",
        )
        self._unlogged, self._log_again_at = 0, now + _LOGGED_EVERY_S


class AdmissionGate:
    """Admits sessions: of pages with an allowed origin, so many an address, and none once the edge drains."""

    def __init__(self, origins: OriginCheck, addresses: PerAddressLimit, sessions: LiveCalls) -> None:
        self._origins = origins
        self._addresses = addresses
        self._sessions = sessions

    @contextmanager
    def admit(self, websocket: WebSocket) -> Iterator[None]:
        """Count a session while it lasts. Raises `Refused`."""
        self._origins.require(websocket.headers, "open a conversation")
        with ExitStack() as session:
            try:
                session.enter_context(self._sessions.one_more())
                session.enter_context(self._addresses.one_more(websocket.client.host if websocket.client else ""))
            except Draining as draining:
                raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, draining.message, retry_after_s=1) from None
            except TooManySessions:
                message = "too many conversations from this address"
                raise Refused(HTTPStatus.TOO_MANY_REQUESTS, message, _RETRY_AFTER_S) from None
            yield
