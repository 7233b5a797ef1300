"""What a trusted proxy in front of the edge says of its clients."""

from collections.abc import Sequence
from typing import Any, cast

from starlette.datastructures import MutableHeaders
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware


class TrustedProxies:
    """ASGI middleware: requests of these peers are what their `X-Forwarded-For`, `-Proto` and `-Host` say.

    Other peers' headers are ignored: any client can write them. `trusted` are addresses
    and networks, or "*" for every peer.
    """

    def __init__(self, app: ASGIApp, trusted: Sequence[str]) -> None:
        self._app = ProxyHeadersMiddleware(cast("Any", app), "*" if "*" in trusted else list(trusted))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one request as the proxy's client sent it."""
        peer = scope.get("client")
        if peer and peer[0] in self._app.trusted_hosts:
            headers = MutableHeaders(scope=scope)
            # The first of several is what the client asked for; proxies further in append their own.
            if host := headers.get("x-forwarded-host", "").partition(",")[0].strip():
                headers["host"] = host
        await self._app(cast("Any", scope), cast("Any", receive), cast("Any", send))
