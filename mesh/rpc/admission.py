"""A stream that a replica has admitted, on the client's side."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager, suppress
from typing import Any, Generic, TypeAlias, TypeVar, cast

import grpc

from mesh.errors import MeshError, UpstreamDown, from_rpc_error
from mesh.limits import RepeatedLimit
from mesh.rpc.reading import Reader
from mesh.tasks import was_cancelled

Req = TypeVar("Req")
Resp = TypeVar("Resp")

StreamCall: TypeAlias = "grpc.aio.StreamStreamCall[Req, Resp]"


SEND_LIMIT_S = 10.0
"""How long a peer may leave requests unread, once flow control has stopped the sender, before it counts as lost."""

_LAST_READ_LIMIT_S = 1.0
"""How long the last read of a call that was cancelled may take to end. It takes milliseconds."""


class Admission(Generic[Req, Resp]):
    """Iterate over it for what comes after `started`; every failure is a `MeshError`.

    Cancelling a task that sends or reads ends the call: gRPC cannot take either back. One task reads; any may send.
    """

    started: Resp
    """The first response."""

    def __init__(self, call: "StreamCall[Req, Resp]", replica: str) -> None:
        self.replica = replica
        self._call = call
        self._reader: Reader[Resp] = Reader(self._received)
        self._sending = asyncio.Lock()
        self._send_limit = RepeatedLimit(SEND_LIMIT_S)

    async def open(self, config: Req) -> None:
        """Send the first request and await the first response. A caller cancels the stream if this fails."""
        await self.send(config)
        started = await self._read()
        if started is None:
            raise UpstreamDown("the stream ended before it was admitted")
        self.started = started

    async def send(self, request: Req) -> None:
        """Send a request; waits while the peer is not keeping up. Raises the stream's error if it has ended."""
        async with self._sending:
            with errors():
                try:
                    with self._send_limit:
                        await self._call.write(request)
                except TimeoutError:
                    raise UpstreamDown(f"the peer has read nothing for {SEND_LIMIT_S:g} s") from None
                except asyncio.InvalidStateError:
                    raise await self._ending() from None

    def cancel(self) -> None:
        """End the call, if it has not ended."""
        self._call.cancel()

    async def close(self) -> None:
        """End the call, and wait for its last read."""
        self._call.cancel()
        self._send_limit.close()
        if reading := self._reader.close():
            await asyncio.wait([reading], timeout=_LAST_READ_LIMIT_S)

    async def __aiter__(self) -> AsyncIterator[Resp]:
        while (response := await self._read()) is not None:
            yield response

    async def _read(self) -> Resp | None:
        """The next response; None at a good end."""
        try:
            response = await self._reader.next()
        except asyncio.CancelledError:
            self._call.cancel()
            raise
        if response is None:
            with errors():
                await self._call.read()  # it has ended, and says at once how
        return response

    async def _received(self) -> Resp | None:
        """The next response; None at any end."""
        try:
            response = await self._call.read()
        except grpc.aio.AioRpcError:
            return None
        return None if response is grpc.aio.EOF else cast("Resp", response)

    async def _ending(self) -> MeshError:
        """Why nothing can be sent any more."""
        try:
            await self._read()
        except MeshError as error:
            return error
        return UpstreamDown("the stream has ended")


async def half_close(call: "grpc.aio.StreamStreamCall[Any, Any] | grpc.aio.StreamUnaryCall[Any, Any]") -> None:
    """Tell the peer that no more requests will come. A call that is just ending needs none of that."""
    with suppress(grpc.aio.InternalError):
        await call.done_writing()


@contextmanager
def errors() -> Iterator[None]:
    """Turn gRPC's errors into ours while the block runs."""
    try:
        yield
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from error
    except asyncio.CancelledError:
        # gRPC raises this too where another task has ended the call; it must not pass for a cancellation of this one.
        if was_cancelled():
            raise
        raise UpstreamDown("the call was ended on this side") from None
