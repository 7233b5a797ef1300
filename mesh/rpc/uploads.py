"""An upload that a replica has admitted: many requests, and one response at the end."""

import asyncio
from collections.abc import AsyncIterator
from typing import Generic, TypeAlias, TypeVar

import grpc

from mesh.errors import UpstreamDown
from mesh.rpc.admission import SEND_LIMIT_S, errors, half_close

Req = TypeVar("Req")
Resp = TypeVar("Resp")

UploadCall: TypeAlias = "grpc.aio.StreamUnaryCall[Req, Resp]"

ADMITTED = (("parley-admitted", "1"),)
"""The response headers by which a server says that it takes an upload: its one response comes too late for that."""


class Upload(Generic[Req, Resp]):
    """An upload on the client's side; every failure is a `MeshError`. The caller cancels it in the end."""

    def __init__(self, call: "UploadCall[Req, Resp]") -> None:
        self._call = call

    async def open(self, config: Req) -> None:
        """Send the first request, and wait until it is admitted."""
        await self._send(config)
        with errors():
            if ADMITTED[0][0] not in dict(await self._call.initial_metadata()):
                # A refusal has no headers, only a status, which may take a moment longer.
                await self._call
                raise UpstreamDown("the upload was answered before it was admitted")

    async def finish(self, requests: AsyncIterator[Req]) -> Resp:
        """Send all the requests; the response to them."""
        async for request in requests:
            await self._send(request)
        with errors():
            await half_close(self._call)
            return await self._call

    async def close(self) -> None:
        """End the call, if it has not ended."""
        self._call.cancel()

    async def _send(self, request: Req) -> None:
        with errors():
            try:
                async with asyncio.timeout(SEND_LIMIT_S):
                    await self._call.write(request)
            except TimeoutError:
                raise UpstreamDown(f"the peer has read nothing for {SEND_LIMIT_S:g} s") from None
            except asyncio.InvalidStateError:
                # The server has decided before the end: the status says why.
                await self._call
                raise UpstreamDown("the upload was answered before it was complete") from None
            except grpc.aio.AioRpcError as error:
                # A request on its way while the call ends hides the server's status from gRPC's own client, for good.
                if error.code() is grpc.StatusCode.INTERNAL and not error.trailing_metadata():
                    raise UpstreamDown("the upload was broken off") from error
                raise
