"""Cloning by Kyutai's moshi-server: `POST /api/voice` takes an audio file and answers with its speaker's embedding.

The answer is, byte for byte, the message by which moshi-server's synthesis is told whose voice to use.
"""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from types import TracebackType
from typing import Self

import httpx2

from mesh.errors import BadAudio, UploadTooLarge, UpstreamDown
from voice_service.engine import LARGEST_EMBEDDING

CONNECT_LIMIT_S = 2.0
ANSWER_LIMIT_S = 30.0
"""The server takes one recording at a time; each takes it about a second."""
_PROBE_LIMIT_S = 2.0
_SCHEMES = {"ws": "http", "wss": "https"}
_VOICE_MESSAGE = b"\xa4type\xa5Voice"
"""How msgpack writes the answer's first field."""


class MoshiCloning:
    """A `CloningEngine`; `url` is where moshi-server is: http(s) or, as for its other services, ws(s)."""

    name = "moshi"

    def __init__(self, url: str) -> None:
        base = httpx2.URL(url)
        self._client = httpx2.AsyncClient(
            base_url=base.copy_with(scheme=_SCHEMES.get(base.scheme, base.scheme)),
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
        """Whether the server answers at all."""
        try:
            answer = await self._client.get("/api/build_info", timeout=_PROBE_LIMIT_S)
        except httpx2.HTTPError:
            return False
        return answer.status_code == httpx2.codes.OK

    async def clone(self, recording: bytes) -> bytes:
        """The server's answer. Raises `BadAudio`, `UploadTooLarge` and `UpstreamDown`."""
        headers = {"content-type": "application/octet-stream"}
        async with _errors(), self._client.stream("POST", "/api/voice", content=recording, headers=headers) as answer:
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
