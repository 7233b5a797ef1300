"""Cloning by Kyutai's moshi-server: `POST /api/voice` takes an audio file and answers with its speaker's embedding.

The answer is, byte for byte, the message by which moshi-server's synthesis is told whose voice to use.
"""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import aclosing, asynccontextmanager
from types import TracebackType
from typing import Any, NamedTuple, Self

import httpx2

from mesh.discovery.addresses import resolve
from mesh.errors import BadAudio, UploadTooLarge, UpstreamDown
from mesh.ports import authority
from moshi_client.probe import BUILD_INFO
from moshi_client.urls import ServerUrl
from voice_service.engine import LARGEST_EMBEDDING

CONNECT_LIMIT_S = 2.0
ANSWER_LIMIT_S = 30.0
"""The server takes one recording at a time; each takes it about a second."""
_PROBE_LIMIT_S = 2.0
_VOICE_MESSAGE = b"\xa4type\xa5Voice"
"""How msgpack writes the answer's first field."""


class _Place(NamedTuple):
    """One server: the URL it was listed by, and its own address."""

    url: ServerUrl
    address: str

    def request(self, client: httpx2.AsyncClient, method: str, path: str, **more: Any) -> httpx2.Request:
        """A request to this very server, which is told the name it is known by."""
        headers = {"host": authority(self.url.host, self.url.port), **more.pop("headers", {})}
        return client.build_request(
            method,
            self.url.http(self.address, path),
            headers=headers,
            extensions={"sni_hostname": self.url.host},
            **more,
        )


class MoshiCloning:
    """A `CloningEngine`; `urls` are where moshi-servers are, each of which may be several under one name."""

    name = "moshi"

    def __init__(self, urls: Sequence[ServerUrl]) -> None:
        self._urls = urls
        self._client = httpx2.AsyncClient(
            timeout=httpx2.Timeout(ANSWER_LIMIT_S, connect=CONNECT_LIMIT_S),
            # A proxy from the environment is for the way out, not for neighbours.
            trust_env=False,
        )

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.aclose()

    async def works(self) -> bool:
        """Whether any server answers at all."""
        try:
            async with asyncio.timeout(_PROBE_LIMIT_S):
                return any(await asyncio.gather(*map(self._answers, await self._places())))
        except TimeoutError:
            return False

    async def clone(self, recording: bytes) -> bytes:
        """The answer of the first server that is in order, taken in any order.

        Raises `BadAudio`, `UploadTooLarge`, and `UpstreamDown` when none is, or none answers in time.
        """
        failure = UpstreamDown("the cloning engine cannot be reached")
        try:
            async with asyncio.timeout(ANSWER_LIMIT_S):
                for place in await self._places():
                    try:
                        return await self._cloned(place, recording)
                    except UpstreamDown as error:
                        failure = error
        except TimeoutError:
            raise UpstreamDown("the cloning engine did not answer in time") from None
        raise failure

    async def _places(self) -> list[_Place]:
        found = [_Place(url, address) for url in self._urls for address in await _addresses(url)]
        random.shuffle(found)
        return found

    async def _answers(self, place: _Place) -> bool:
        try:
            answer = await self._client.send(place.request(self._client, "GET", BUILD_INFO))
        except httpx2.HTTPError:
            return False
        return answer.status_code == httpx2.codes.OK

    async def _cloned(self, place: _Place, recording: bytes) -> bytes:
        headers = {"content-type": "application/octet-stream"}
        request = place.request(self._client, "POST", "/api/voice", content=recording, headers=headers)
        async with _errors(), aclosing(await self._client.send(request, stream=True)) as answer:
            match answer.status_code:
                case httpx2.codes.OK:
                    return await _embedding(answer)
                case httpx2.codes.CONTENT_TOO_LARGE:
                    raise UploadTooLarge("the recording is too large for the cloning engine", field="chunk")
                case httpx2.codes.INTERNAL_SERVER_ERROR:
                    # All the server says of audio it cannot decode.
                    raise BadAudio("the recording cannot be used: the cloning engine cannot decode it", field="chunk")
                case status:
                    raise UpstreamDown(f"the cloning engine answered with {status}")


async def _addresses(url: ServerUrl) -> list[str]:
    """Every address behind a URL; none while its name cannot be resolved."""
    try:
        return await resolve(url.target)
    except OSError:
        return []


async def _embedding(answer: httpx2.Response) -> bytes:
    embedding = b""
    async for part in answer.aiter_raw():
        embedding += part
        if len(embedding) > LARGEST_EMBEDDING:
            raise UpstreamDown("the cloning engine answered with too much")
    if not embedding:
        raise BadAudio("the recording cannot be used: the cloning engine makes nothing of it", field="chunk")
    if not embedding[1:].startswith(_VOICE_MESSAGE):
        raise UpstreamDown("the cloning engine answered with something that is no voice")
    return embedding


@asynccontextmanager
async def _errors() -> AsyncIterator[None]:
    """Turn httpx2's errors into ours."""
    try:
        yield
    except httpx2.TimeoutException as error:
        raise UpstreamDown("the cloning engine did not answer in time") from error
    except httpx2.HTTPError as error:
        raise UpstreamDown("the cloning engine cannot be reached") from error
