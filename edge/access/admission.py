"""Who is refused before a WebSocket is opened, with an HTTP status; whoever is in is told of trouble over it."""

import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import structlog
from starlette.responses import JSONResponse, Response
from starlette.websockets import WebSocket

from edge.access.addresses import Addresses, TooManySessions
from edge.access.origins import Origins
from mesh.drain import LiveCalls
from mesh.errors import Draining

_RETRY_AFTER_S = 10
"""When somebody may come back who has too many sessions: nobody knows when one of them ends."""

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


class Door:
    """Lets sessions in: of the right pages, so many an address, and none once the edge drains."""

    def __init__(self, origins: Origins, addresses: Addresses, sessions: LiveCalls) -> None:
        self._origins = origins
        self._addresses = addresses
        self._sessions = sessions
        self._unlogged = 0
        self._log_again_at = 0.0

    @contextmanager
    def open_for(self, websocket: WebSocket) -> Iterator[None]:
        """Count a session while it lasts. Raises `Refused`."""
        if not self._origins.allow(websocket.headers):
            origin = websocket.headers["origin"]
            self._log(origin)
            raise Refused(403, f"pages of {origin} may not open a conversation here")
        with ExitStack() as session:
            try:
                session.enter_context(self._sessions.one_more())
                session.enter_context(self._addresses.one_more(websocket.client.host if websocket.client else ""))
            except Draining as draining:
                raise Refused(503, draining.message, retry_after_s=1) from None
            except TooManySessions:
                raise Refused(429, "too many conversations from this address", _RETRY_AFTER_S) from None
            yield

    def _log(self, origin: str) -> None:
        """Say who was refused, and how many others since it was said last."""
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
