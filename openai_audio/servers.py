"""All audio servers behind a proxy, and requests to the one that is free.

async with opened(urls, …) as servers, servers.post("/v1/audio/speech", json={…}) as response: ...

The servers report no slots: one that is full says so with 429, and another is asked.
"""

import asyncio
import ssl
from collections.abc import AsyncGenerator, AsyncIterator, Awaitable, Callable, Iterable
from contextlib import AbstractAsyncContextManager, aclosing, asynccontextmanager
from http import HTTPStatus
from typing import Any, TypeAlias, TypeVar

import httpx2

from mesh.engines import upstreams
from mesh.engines.server_requests import request
from mesh.engines.server_urls import ServerUrl
from mesh.engines.upstreams import Health, LeaseMeter, Place, Upstreams
from mesh.errors import MeshError, UpstreamDown
from mesh.pool import Options
from openai_audio.refusals import refusal

MODELS = "/v1/models"
"""What every such server answers; it costs nothing."""

_PROBE_LIMIT_S = 2.0
_LONGEST_ANSWER = 1 << 20

C = TypeVar("C")

Ask: TypeAlias = "Callable[[Place[ServerUrl], httpx2.AsyncClient], Awaitable[None]]"
"""Asks a server that serves for more. Limits its own time, and raises nothing."""


async def _nothing_more(_: Place[ServerUrl], __: httpx2.AsyncClient) -> None:
    pass


@asynccontextmanager
async def opened(
    urls: Iterable[ServerUrl],
    *,
    key: str,
    options: Options,
    meter: LeaseMeter,
    probed_every_s: float,
    also_ask: Ask = _nothing_more,
) -> AsyncIterator["AudioServers"]:
    """The servers at these URLs, followed and probed meanwhile. They need not be up yet."""
    bare = [url._replace(prefix=url.prefix.removesuffix("/v1")) for url in urls]
    # Loaded once: that takes longer than a request may.
    tls = await asyncio.to_thread(ssl.create_default_context) if any(url.secure for url in bare) else None
    headers = {"authorization": f"Bearer {key}"} if key else {}
    refused: dict[str, MeshError] = {}
    async with httpx2.AsyncClient(
        verify=tls or False, trust_env=False, headers=headers, timeout=None, limits=httpx2.Limits()
    ) as client:

        async def probe(place: Place[ServerUrl]) -> Health:
            error = await _trouble(place, client, key)
            if error is None:
                refused.pop(place.address, None)
                await also_ask(place, client)
            else:
                refused[place.address] = error
            return Health(serving=error is None)

        async with upstreams.opened(
            bare, probe, options, meter, name="audio server", probed_every_s=probed_every_s
        ) as servers:
            yield AudioServers(servers, client, key, refused, tls)


class Answer:
    """An answer with status 200, of which the first bytes have come."""

    def __init__(self, content_type: str, first: bytes, rest: AsyncIterator[bytes]) -> None:
        self.content_type = content_type
        self._first = first
        self._rest = rest

    async def pieces(self) -> AsyncGenerator[bytes, None]:
        """The body as it comes. Raises `UpstreamDown` if it breaks off."""
        yield self._first
        try:
            async for piece in self._rest:
                yield piece
        except httpx2.HTTPError as error:
            raise UpstreamDown("the audio server broke off its answer") from error


class AudioServers:
    """The servers, wherever they are; see `opened`."""

    def __init__(
        self,
        servers: Upstreams[ServerUrl],
        client: httpx2.AsyncClient,
        key: str,
        refused: dict[str, MeshError],
        tls: ssl.SSLContext | None,
    ) -> None:
        self._servers = servers
        self._client = client
        self._key = key
        self._refused = refused
        self.tls = tls
        """For connections to https and wss URLs; None: there are none."""

    @property
    def answering(self) -> bool:
        """Whether any of them answered its last probe, and took the key."""
        return self._servers.answering

    def check(self) -> None:
        """Raise the error of a request that would find no server, as far as is known."""
        if not self.answering and self._refused:
            raise next(iter(self._refused.values()))
        if error := self._servers.refusal():
            raise error

    @asynccontextmanager
    async def lease(self, connect: "Callable[[Place[ServerUrl]], AbstractAsyncContextManager[C]]") -> AsyncIterator[C]:
        """A connection to one of them, made by `connect`. Raises as `Upstreams.lease` does."""
        async with self._servers.lease(connect) as connection:
            yield connection

    @asynccontextmanager
    async def post(self, path: str, **content: Any) -> AsyncIterator[Answer]:
        """The answer of one of them to a POST, as it begins; leaving closes it.

        `content` is what `httpx2.AsyncClient.build_request` takes. Raises, in time, `AtCapacity` if one of them was
        full, `UpstreamMisconfigured` if it was for that alone, `VoiceNotFound` and `InvalidRequest` at once, and
        `UpstreamDown` otherwise.
        """

        def connect(place: Place[ServerUrl]) -> AbstractAsyncContextManager[Answer]:
            return self._answer(place, path, content)

        async with self._servers.lease(connect) as response:
            yield response

    @asynccontextmanager
    async def _answer(self, place: Place[ServerUrl], path: str, content: dict[str, Any]) -> AsyncIterator[Answer]:
        try:
            response = await self._client.send(request(self._client, place, "POST", path, **content), stream=True)
        except httpx2.HTTPError as error:
            raise UpstreamDown("the audio server cannot be reached") from error
        try:
            if response.status_code != HTTPStatus.OK:
                raise refusal(response.status_code, response.headers, await read(response), secret=self._key)
            body = response.aiter_bytes()
            try:
                # A server may answer before it has made anything, and fail then: another is asked.
                first = await anext(body, b"")
            except httpx2.HTTPError as error:
                raise UpstreamDown("the audio server broke off its answer") from error
            yield Answer(response.headers.get("content-type", ""), first, body)
        finally:
            await response.aclose()


async def read(response: httpx2.Response) -> bytes:
    """The body; empty if it is longer than a MiB. Raises `UpstreamDown` if it breaks off."""
    return await whole(Answer("", b"", response.aiter_bytes()))


async def whole(answer: Answer) -> bytes:
    """The body; empty if it is longer than a MiB. Raises `UpstreamDown` if it breaks off."""
    body = bytearray()
    async with aclosing(answer.pieces()) as pieces:
        async for piece in pieces:
            body += piece
            if len(body) > _LONGEST_ANSWER:
                return b""
    return bytes(body)


async def get(place: Place[ServerUrl], client: httpx2.AsyncClient, path: str) -> tuple[int, bytes]:
    """Status and body of what a server answers within two seconds. Raises `UpstreamDown`."""
    try:
        async with asyncio.timeout(_PROBE_LIMIT_S):
            response = await client.send(request(client, place, "GET", path), stream=True)
            try:
                return response.status_code, await read(response)
            finally:
                await response.aclose()
    except (TimeoutError, httpx2.HTTPError) as error:
        raise UpstreamDown("the audio server cannot be reached") from error


async def _trouble(place: Place[ServerUrl], client: httpx2.AsyncClient, key: str) -> MeshError | None:
    """Why a server serves nobody. A key that may not list models may still speak; another one may do nothing."""
    try:
        status, body = await get(place, client, MODELS)
    except UpstreamDown as error:
        return error
    if status == HTTPStatus.UNAUTHORIZED or status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        return refusal(status, {}, body, secret=key)
    return None
