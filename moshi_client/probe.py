"""Requests of HTTP to moshi-servers: whether they are there, and how many of their slots are taken."""

import asyncio
from typing import Annotated

import httpx2
import msgspec
from msgspec import Meta, Struct

from mesh.engines.server_requests import request
from mesh.engines.server_urls import ServerUrl
from mesh.engines.upstreams import Health, Place

BUILD_INFO = "/api/build_info"
"""What every moshi-server answers."""

_LIMIT_S = 2.0
_LONGEST_ANSWER = 1 << 20

_Slots = Annotated[int, Meta(ge=0, le=1_000_000)]


class _Module(Struct, frozen=True):
    """What a server tells of a module. The numbers come as strings."""

    path: str = ""
    used_slots: _Slots | None = None
    total_slots: _Slots | None = None


async def probe(place: Place[ServerUrl], client: httpx2.AsyncClient, path: str) -> Health:
    """Ask a server how it is, and how much room its module at `path` has. Never fails."""
    modules = await _get(place, client, "/api/modules_info")
    # Every second of a mesh's life, so no more is asked than is needed.
    serving = modules is not None or await answers(place, client)
    for module in _modules(modules or b""):
        if serving and module.path == path and module.used_slots is not None and module.total_slots is not None:
            return Health(serving, (module.used_slots, module.total_slots))
    return Health(serving)


async def answers(place: Place[ServerUrl], client: httpx2.AsyncClient) -> bool:
    """Whether a server answers at all. Never fails."""
    return await _get(place, client, BUILD_INFO) is not None


async def _get(place: Place[ServerUrl], client: httpx2.AsyncClient, path: str) -> bytes | None:
    """The body of an answer with status 200, or None."""
    try:
        async with asyncio.timeout(_LIMIT_S):
            response = await client.send(request(client, place, "GET", path), stream=True)
            try:
                return await _body(response) if response.status_code == httpx2.codes.OK else None
            finally:
                await response.aclose()
    except (TimeoutError, httpx2.HTTPError):
        return None


async def _body(response: httpx2.Response) -> bytes:
    body = bytearray()
    async for piece in response.aiter_bytes():
        body += piece
        if len(body) > _LONGEST_ANSWER:
            return b""
    return bytes(body)


def _modules(answer: bytes) -> list[_Module]:
    try:
        return msgspec.convert(msgspec.json.decode(answer), list[_Module], strict=False)
    except (msgspec.DecodeError, msgspec.ValidationError, RecursionError):
        return []
