"""Cloning by Kyutai's moshi-server: `POST /api/voice` takes an audio file and answers with its speaker's embedding.

The answer is, byte for byte, the message by which moshi-server's synthesis is told whose voice to use.
"""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, aclosing, asynccontextmanager
from types import TracebackType
from typing import Self

import httpx2

from mesh.engines import upstreams
from mesh.engines.server_requests import request
from mesh.engines.server_urls import ServerUrl
from mesh.engines.upstreams import Health, Place, Upstreams
from mesh.errors import BadAudio, UploadTooLarge, UpstreamDown
from mesh.pool import Options, Policy
from moshi_client.probe import answers
from voice_service.analysis.process import KindNotDecoded, plain_wav
from voice_service.engine import LARGEST_EMBEDDING

CONNECT_LIMIT_S = 2.0
ANSWER_LIMIT_S = 30.0
"""The server takes one recording at a time; each takes it about a second."""
_POLICY = Policy(first_rest_s=0.1, longest_rest_s=30.0, tries_resting=True, tries_down=True)
"""A recording takes seconds and there are few of them, so that every server is worth a try."""
_MOST_AT_ONCE = 1_000
_VOICE_MESSAGE = b"\xa4type\xa5Voice"
"""How msgpack writes the answer's first field."""


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
        self._exits = AsyncExitStack()

    async def __aenter__(self) -> Self:
        options = Options(most_leases=_MOST_AT_ONCE, try_limit_s=ANSWER_LIMIT_S, search_limit_s=ANSWER_LIMIT_S)
        async with AsyncExitStack() as exits:
            exits.push_async_callback(self._client.aclose)
            servers = upstreams.opened(
                self._urls, self._probe, options, name="cloning engine", policy=_POLICY, probed_every_s=None
            )
            self._servers: Upstreams[ServerUrl] = await exits.enter_async_context(servers)
            self._exits = exits.pop_all()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._exits.__aexit__(kind, error, trace)

    async def works(self) -> bool:
        """Whether any server answers at all."""
        await self._servers.refresh()
        return self._servers.answering

    async def clone(self, recording: bytes) -> bytes:
        """The answer of the first server that is in order, taken in any order.

        The server listens to the beginning of the first channel, so it is sent the loudest one from where its sound
        begins. Raises `BadAudio`, `UploadTooLarge`, and `UpstreamDown` when none is, or none answers in time.
        """
        try:
            plain = await plain_wav(recording)
        except KindNotDecoded:
            # The server may have the decoder that is missing here.
            plain = recording

        async def ask(place: Place[ServerUrl]) -> bytes:
            return await self._cloned(place, plain)

        return await self._servers.first(ask)

    async def _probe(self, place: Place[ServerUrl]) -> Health:
        return Health(serving=await answers(place, self._client))

    async def _cloned(self, place: Place[ServerUrl], recording: bytes) -> bytes:
        headers = {"content-type": "application/octet-stream"}
        posted = request(self._client, place, "POST", "/api/voice", content=recording, headers=headers)
        async with _errors(), aclosing(await self._client.send(posted, stream=True)) as answer:
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
