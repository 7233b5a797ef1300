"""The page a person talks to: the files in `edge/page`, with headers that let them do nothing else than that."""

from pathlib import Path

from starlette.datastructures import Headers
from starlette.exceptions import HTTPException
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route
from starlette.staticfiles import StaticFiles

_FILES = Path(__file__).parents[1] / "page"

_POLICY = {
    "default-src": "'none'",
    "script-src": "'self'",
    "style-src": "'self'",
    "img-src": "'self' data:",
    "connect-src": "'self'",
    "media-src": "'self'",
    "base-uri": "'none'",
    "form-action": "'none'",
    "frame-ancestors": "'none'",
    # The page builds its elements one by one; text that somebody spoke or a model wrote can never become markup.
    "require-trusted-types-for": "'script'",
    "trusted-types": "'none'",
}

_ALLOWED_TO_NOBODY = ("camera", "display-capture", "geolocation", "payment", "usb")

_HEADERS = {
    "content-security-policy": "; ".join(f"{directive} {sources}" for directive, sources in _POLICY.items()),
    "permissions-policy": ", ".join(
        [
            "microphone=(self)",
            "screen-wake-lock=(self)",
            "speaker-selection=(self)",
            *(f"{feature}=()" for feature in _ALLOWED_TO_NOBODY),
        ]
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "referrer-policy": "no-referrer",
    "x-content-type-options": "nosniff",
    # Asked for again each time, and mostly answered 304: a page and modules of two releases do not fit together.
    "cache-control": "no-cache",
}


class WebPage:
    """Serves the page at whatever route asks for it, and what belongs to it under `/page`."""

    def __init__(self) -> None:
        self._files = StaticFiles(directory=_FILES)

    def route(self) -> Route:
        """The route of what the page loads."""
        return Route("/page/{path:path}", self.asset, include_in_schema=False)

    async def index(self, request: Request) -> Response:
        """The page itself."""
        return await self._file("index.html", request)

    async def asset(self, request: Request) -> Response:
        """One of the files that the page loads."""
        return await self._file(request.path_params["path"], request)

    async def _file(self, path: str, request: Request) -> Response:
        """A file, or that it has not changed, or why there is none; the headers are on each of these."""
        try:
            response = await self._files.get_response(path, request.scope)
        except HTTPException as refused:
            response = JSONResponse({"detail": refused.detail}, refused.status_code)
        response.headers.update(_HEADERS)
        return response


def wants_page(headers: Headers) -> bool:
    """Whether a client accepts HTML by name: a browser does, and curl or a script that takes anything does not."""
    for accepted in headers.get("accept", "").split(","):
        media_type, *parameters = (part.strip().lower() for part in accepted.split(";"))
        if media_type == "text/html":
            return not any(_is_zero(parameter) for parameter in parameters)
    return False


def _is_zero(parameter: str) -> bool:
    """Whether it is `q=0`: not acceptable (RFC 9110, 12.4.2)."""
    name, _, value = parameter.partition("=")
    return name.strip() == "q" and value.strip().rstrip("0") in ("", "0.", ".")
