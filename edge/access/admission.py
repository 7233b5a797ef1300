"""Which clients are admitted. A refusal is an HTTP status, sent before a WebSocket opens or a recording is read."""

import ipaddress
import math
import time
from collections import Counter
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from enum import Enum
from http import HTTPStatus

import structlog
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from edge.access.origins import Origins
from mesh.errors import AtCapacity, Draining
from mesh.process.drain import LiveCalls
from mesh.process.lag import Overload

_RETRY_AFTER_S = 10
"""When a client with too many sessions may try again. A guess: the edge cannot know when one of them ends."""

_OVERLOADED = "this server has more to do than it can"
_CALMER_IN_S = 2.0
"""When a client may try again that came while the edge was overloaded."""

_LOGGED_EVERY_S = 60.0
"""A page that is refused tries again and again, on every machine where it is open."""

_LONGEST_ORIGIN = 200
"""Characters that are logged of it."""

log = structlog.get_logger()


class RefusalReason(Enum):
    """Why a client is refused: the word in metrics and in the log."""

    ORIGIN = "origin"
    """Its page comes from an origin that is not allowed."""
    ADDRESS_LIMIT = "address_limit"
    """Its address has as many conversations as it may have."""
    DRAINING = "draining"
    """The edge is stopping."""
    OVERLOAD = "overload"
    """The edge has more to do than it can."""
    NOT_FOUND = "not_found"
    """There is no WebSocket at its path."""


class Refused(Exception):
    """A client is refused.

    `status` and `message` are the answer. `retry_after_s` is when the client may try again; None: the answer does not
    say.
    """

    def __init__(self, reason: RefusalReason, status: int, message: str, retry_after_s: int | None = None) -> None:
        super().__init__(message)
        self.reason = reason
        self.status = status
        self.message = message
        self.retry_after_s = retry_after_s

    def response(self) -> Response:
        """The answer to the handshake."""
        headers = {} if self.retry_after_s is None else {"retry-after": str(self.retry_after_s)}
        return JSONResponse({"detail": self.message}, status_code=self.status, headers=headers)


_OWN_BITS = 64
"""Of an IPv6 address; its owner chooses the rest."""


class TooManyFromAddress(Exception):
    """The address has as many sessions as it may."""


class PerAddressLimit:
    """Counts sessions by address and limits each address to `most`; 0: no limit."""

    def __init__(self, most: int) -> None:
        self._most = most
        self._sessions: Counter[str] = Counter()

    @contextmanager
    def one_more(self, address: str) -> Iterator[None]:
        """Count one while it lasts. Raises `TooManyFromAddress`."""
        owner = owner_of(address)
        if self._most and self._sessions[owner] >= self._most:
            raise TooManyFromAddress
        self._sessions[owner] += 1
        try:
            yield
        finally:
            self._sessions[owner] -= 1
            if not self._sessions[owner]:
                del self._sessions[owner]


def owner_of(address: str) -> str:
    """The key that sessions are counted by: an IPv4 address, or the /64 network of an IPv6 address."""
    try:
        parsed = ipaddress.ip_address(address)
    except ValueError:
        # A proxy that hides addresses wrote something else.
        return address
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    if parsed.ipv4_mapped:
        return str(parsed.ipv4_mapped)
    return str(ipaddress.ip_network((int(parsed), _OWN_BITS), strict=False))


def overload_refusal(full: AtCapacity) -> Refused:
    """The refusal of an edge that is overloaded, or has a crowd at its door."""
    retry_after_s = math.ceil(full.retry_after or _CALMER_IN_S)
    return Refused(RefusalReason.OVERLOAD, HTTPStatus.SERVICE_UNAVAILABLE, full.message, retry_after_s)


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
        raise Refused(RefusalReason.ORIGIN, HTTPStatus.FORBIDDEN, f"pages of {origin} may not {purpose} here")

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
    """Decides which sessions are admitted.

    A page must have an allowed origin. Each address has a limited number of sessions. A draining edge admits none, nor
    does one that is overloaded: those that it has would suffer.
    """

    def __init__(
        self, origins: OriginCheck, addresses: PerAddressLimit, sessions: LiveCalls, overload: Overload
    ) -> None:
        self._origins = origins
        self._addresses = addresses
        self._sessions = sessions
        self._overload = overload

    @contextmanager
    def admit(self, websocket: WebSocket) -> Iterator[None]:
        """Count a session while it lasts. Raises `Refused`."""
        self._origins.require(websocket.headers, "open a conversation")
        with ExitStack() as session:
            try:
                session.enter_context(self._sessions.one_more())
                if self._overload.lasts:
                    raise overload_refusal(AtCapacity(_OVERLOADED, retry_after=_CALMER_IN_S))
                session.enter_context(self._addresses.one_more(websocket.client.host if websocket.client else ""))
            except Draining as draining:
                raise Refused(
                    RefusalReason.DRAINING, HTTPStatus.SERVICE_UNAVAILABLE, draining.message, retry_after_s=1
                ) from None
            except TooManyFromAddress:
                message = "too many conversations from this address"
                raise Refused(
                    RefusalReason.ADDRESS_LIMIT, HTTPStatus.TOO_MANY_REQUESTS, message, _RETRY_AFTER_S
                ) from None
            yield
