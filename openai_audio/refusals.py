"""What an answer means that is none: the one place where statuses of HTTP become errors of the mesh.

What a server says may repeat what it was sent, and that is what people said. Its words are passed on only where they
are about the server: its key, its model, its voices, its limits.
"""

from collections.abc import Mapping
from http import HTTPStatus
from typing import Any

import msgspec

from mesh.errors import AtCapacity, InvalidRequest, MeshError, UpstreamDown, UpstreamMisconfigured, VoiceNotFound

_LONGEST = 200
"""Characters of what a server says that are passed on."""
_LONGEST_RETRY_S = 60.0
_KEY = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.FORBIDDEN})
_ABSENT = frozenset({HTTPStatus.NOT_FOUND, HTTPStatus.METHOD_NOT_ALLOWED, HTTPStatus.GONE, HTTPStatus.NOT_IMPLEMENTED})
_FAULT_OF_A_FIELD = frozenset({HTTPStatus.BAD_REQUEST, HTTPStatus.NOT_FOUND, HTTPStatus.UNPROCESSABLE_ENTITY})
_NO_MONEY = "insufficient_quota"


class _Said(msgspec.Struct, frozen=True):
    message: str = ""
    param: str = ""
    code: str = ""


def refusal(status: int, headers: Mapping[str, str], body: bytes, *, secret: str = "") -> MeshError:
    """The error for an answer with this status, which is not 200. `secret`, the key, is not repeated."""
    said = _said(body)
    words = _shown(said.message, secret) or _phrase(status)
    if status in _KEY:
        return UpstreamMisconfigured(f"the audio server refuses the key: {words}")
    if status == HTTPStatus.TOO_MANY_REQUESTS:
        if said.code == _NO_MONEY:
            return UpstreamMisconfigured(f"the audio server's quota is used up: {words}")
        return AtCapacity(f"the audio server is full: {words}", retry_after=_retry_after(headers))
    if status in _FAULT_OF_A_FIELD and _is_about(said, "voice"):
        return VoiceNotFound(f"the audio server does not have this voice: {words}")
    if status in _ABSENT or (status in _FAULT_OF_A_FIELD and _is_about(said, "model")):
        return UpstreamMisconfigured(f"the audio server does not have what it is asked for ({status}): {words}")
    if status < HTTPStatus.BAD_REQUEST:
        return UpstreamMisconfigured(f"the audio server answers with {status} {_phrase(status)}; check its URL")
    if status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.REQUEST_TIMEOUT:
        about = f", about {_shown(said.param, secret)}" if said.param else ""
        return InvalidRequest(f"the audio server refuses the request with {status} {_phrase(status)}{about}")
    return UpstreamDown(f"the audio server has failed with {status} {_phrase(status)}")


def _is_about(said: _Said, field: str) -> bool:
    """Whether a field of the request is at fault. Servers that name none say it in words."""
    if said.param:
        return said.param.split(".")[-1] == field
    words = said.message.casefold()
    return field in words and any(word in words for word in ("not found", "unknown", "invalid", "not exist", "unsupp"))


def _said(body: bytes) -> _Said:
    """What the body says: OpenAI's form, FastAPI's, or nothing."""
    try:
        decoded = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError):
        return _Said()
    if not isinstance(decoded, dict):
        return _Said()
    for key in ("error", "detail", "message"):
        if found := decoded.get(key):
            return _of(found, decoded)
    return _Said()


def _of(found: Any, around: dict[str, Any]) -> _Said:
    match found:
        case str():
            return _Said(found, _text(around.get("param")), _text(around.get("code")))
        case {"message": message, **rest}:
            return _Said(_text(message), _text(rest.get("param")), _text(rest.get("code")))
        case [{"msg": message, "loc": [*_, field]}, *_]:
            return _Said(_text(message), _text(field))
        case _:
            return _Said()


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def _shown(text: str, secret: str) -> str:
    shown = " ".join(text.split())
    if secret:
        shown = shown.replace(secret, "***")
    return shown[:_LONGEST]


def _phrase(status: int) -> str:
    return HTTPStatus(status).phrase if status in list(HTTPStatus) else "no status known"


def _retry_after(headers: Mapping[str, str]) -> float | None:
    """The seconds of Retry-After; None where there are none, or a date."""
    try:
        seconds = float(headers.get("retry-after", ""))
    except ValueError:
        return None
    return min(seconds, _LONGEST_RETRY_S) if seconds >= 0 else None
