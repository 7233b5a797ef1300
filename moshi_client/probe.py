"""Asks moshi-servers over HTTP whether they are there, and how many of their slots are taken."""

import asyncio
from typing import Annotated

import httpx2
import msgspec
from msgspec import Meta, Struct

from mesh.ports import authority
from moshi_client.upstream import Upstream

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


async def probe(upstream: Upstream, client: httpx2.AsyncClient, path: str) -> None:
    """Learn how an upstream is, and how much room the module at `path` has. Never fails."""
    answered, modules = await asyncio.gather(
        _get(upstream, client, BUILD_INFO), _get(upstream, client, "/api/modules_info")
    )
    upstream.heard(answers=answered is not None, now=asyncio.get_running_loop().time())
    for module in _modules(modules or b""):
        if module.path == path and module.used_slots is not None and module.total_slots is not None:
            upstream.told(module.used_slots, module.total_slots)


async def _get(upstream: Upstream, client: httpx2.AsyncClient, path: str) -> bytes | None:
    """The body of an answer with status 200, or None."""
    request = client.build_request(
        "GET",
        upstream.url.http(authority(upstream.host, upstream.port), path),
        headers={"host": authority(upstream.url.host, upstream.url.port)},
        extensions={"sni_hostname": upstream.url.host},
    )
    try:
        async with asyncio.timeout(_LIMIT_S):
            response = await client.send(request, stream=True)
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
