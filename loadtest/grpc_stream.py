"""A bidirectional gRPC stream for a user: sending never waits, and what comes goes to a function."""

import asyncio
from collections import deque
from collections.abc import Callable
from itertools import cycle
from typing import Any, Generic, TypeVar

import grpc

from loadtest.sessions import Lost, Refused
from mesh.errors import from_rpc_error
from mesh.rpc.channels import open_channel

_ADMISSION_LIMIT_S = 30.0
_MOST_UNSENT = 400
"""Half a minute of a microphone. The peer has stopped reading."""

Req = TypeVar("Req")
Resp = TypeVar("Resp")


class Addresses:
    """Channels to one or several servers, "host:port" with commas between them, used in turn."""

    def __init__(self, target: str) -> None:
        self._addresses = [each.strip() for each in target.split(",") if each.strip()]
        self._channels: list[grpc.aio.Channel] = []
        self._next: Any = None

    def next(self) -> grpc.aio.Channel:
        """The channel for the next session."""
        if self._next is None:
            self._channels = [open_channel(address) for address in self._addresses]
            self._next = cycle(self._channels)
        channel: grpc.aio.Channel = next(self._next)
        return channel

    async def close(self) -> None:
        """Close the channels."""
        for channel in self._channels:
            await channel.close()


class Stream(Generic[Req, Resp]):
    """One call. Its first response is the admission; the others go to `take`. `lost` is called when it breaks off."""

    def __init__(
        self,
        call: "grpc.aio.StreamStreamCall[Req, Resp]",
        take: Callable[[Resp], None],
        lost: Callable[[], None] = lambda: None,
    ) -> None:
        self._call = call
        self._take = take
        self._on_lost = lost
        self._unsent: deque[Req] = deque()
        self._wake = asyncio.Event()
        self._ended: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._tasks: list[asyncio.Task[None]] = []

    async def open(self, config: Req) -> Resp:
        """Send the first request and return the first response. Raises `Refused`."""
        try:
            async with asyncio.timeout(_ADMISSION_LIMIT_S):
                await self._call.write(config)
                started = await self._call.read()
                if started is grpc.aio.EOF:
                    raise Refused("ENDED", "the stream ended before it was admitted")
        except TimeoutError:
            self._call.cancel()
            raise Refused("TIMEOUT", "no first response") from None
        except grpc.aio.AioRpcError as error:
            mesh_error = from_rpc_error(error)
            raise Refused(mesh_error.reason, mesh_error.message, retry_after_s=mesh_error.retry_after) from None
        except asyncio.InvalidStateError:
            raise Refused("ENDED", "the stream ended while its first request was sent") from None
        except asyncio.CancelledError:
            self._call.cancel()
            raise
        self._tasks = [asyncio.ensure_future(self._read()), asyncio.ensure_future(self._write())]
        return started  # type: ignore[return-value]  # it is no EOF

    def send(self, request: Req) -> None:
        """Send a request, in the order of the calls. Cancels the call if the peer does not read."""
        if self._ended.done():
            return
        self._unsent.append(request)
        self._wake.set()
        if len(self._unsent) > _MOST_UNSENT:
            self._end("STOPPED_READING")
            self._call.cancel()

    async def until_lost(self) -> None:
        """Wait until the call ends. Raises `Lost`."""
        raise Lost(await asyncio.shield(self._ended))

    async def until_ended(self, within_s: float) -> None:
        """Wait until the peer ends the call; end it after so long."""
        await asyncio.wait([self._ended], timeout=within_s)
        self.cancel()

    def cancel(self) -> None:
        """End the call."""
        self._call.cancel()

    async def _read(self) -> None:
        why = "ENDED"
        try:
            while (response := await self._call.read()) is not grpc.aio.EOF:
                self._take(response)  # type: ignore[arg-type]  # it is no EOF
        except grpc.aio.AioRpcError as error:
            why = from_rpc_error(error).reason
        except asyncio.CancelledError:
            # gRPC raises it where the call was cancelled.
            why = "CANCELLED"
        self._end(why)

    async def _write(self) -> None:
        try:
            while not self._ended.done():
                while self._unsent:
                    await self._call.write(self._unsent.popleft())
                self._wake.clear()
                await self._wake.wait()
        except (grpc.aio.AioRpcError, asyncio.InvalidStateError, asyncio.CancelledError):
            # The task that reads knows why.
            return

    def _end(self, why: str) -> None:
        if not self._ended.done():
            self._ended.set_result(why)
            self._wake.set()
            self._on_lost()
