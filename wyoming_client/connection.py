"""One connection: events in both directions.

An event is a line of JSON (`type`, and maybe `data`), then `data_length` bytes of JSON, more data, and `payload_length`
bytes of audio.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any, Final

import msgspec
from msgspec import Struct

from mesh.discovery.addresses import HostPort
from mesh.errors import UpstreamDown

_LONGEST_LINE: Final = 1 << 20
"""Bytes. Descriptions of servers with many voices are long, and old servers write them into the line."""
_MOST_DATA: Final = 4 << 20
_MOST_PAYLOAD: Final = 16 << 20
_CHUNK: Final = 8192
"""Bytes of audio in one event."""


class Event(Struct, frozen=True):
    """What one side tells the other."""

    type: str
    data: dict[str, Any] = {}
    payload: bytes = b""


class _Header(Struct, frozen=True):
    type: str
    data: dict[str, Any] | None = None
    data_length: int | None = None
    payload_length: int | None = None


class Connection:
    """A connection with one server. Every method raises `UpstreamDown` when it is lost."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def send(self, kind: str, data: dict[str, Any] | None = None, payload: bytes = b"") -> None:
        """Send an event."""
        body = msgspec.json.encode(data) if data else b""
        header: dict[str, Any] = {"type": kind}
        if body:
            header["data_length"] = len(body)
        if payload:
            header["payload_length"] = len(payload)
        try:
            self._writer.writelines((msgspec.json.encode(header), b"\n", body, payload))
            await self._writer.drain()
        except OSError as error:
            raise UpstreamDown("the Wyoming server has closed the connection") from error

    async def send_audio(self, pcm: bytes, rate: int) -> None:
        """Send 16-bit samples of one channel, from `audio-start` to `audio-stop`."""
        form = {"rate": rate, "width": 2, "channels": 1}
        await self.send("audio-start", form)
        for start in range(0, len(pcm), _CHUNK):
            await self.send("audio-chunk", form, pcm[start : start + _CHUNK])
        await self.send("audio-stop")

    async def receive(self, limit_s: float) -> Event:
        """The next event. Raises `UpstreamDown` also for nonsense, an `error`, and after so many seconds."""
        try:
            async with asyncio.timeout(limit_s):
                event = await self._read()
        except TimeoutError:
            raise UpstreamDown(f"the Wyoming server has said nothing for {limit_s:g} s") from None
        except (OSError, asyncio.IncompleteReadError) as error:
            raise UpstreamDown("the Wyoming server has closed the connection") from error
        except (ValueError, msgspec.DecodeError, RecursionError, asyncio.LimitOverrunError) as error:
            raise UpstreamDown("the Wyoming server sends what cannot be read") from error
        if event.type == "error":
            # Its text may hold what it was to say.
            raise UpstreamDown("the Wyoming server has reported an error")
        return event

    async def _read(self) -> Event:
        line = await self._reader.readuntil(b"\n")
        header = msgspec.json.decode(line, type=_Header)
        data = dict(header.data or {})
        if body := await self._exactly(header.data_length, _MOST_DATA):
            data |= msgspec.json.decode(body, type=dict[str, Any])
        return Event(header.type, data, await self._exactly(header.payload_length, _MOST_PAYLOAD))

    async def _exactly(self, length: int | None, most: int) -> bytes:
        if not length:
            return b""
        if not 0 < length <= most:
            raise ValueError(f"{length} bytes")
        return await self._reader.readexactly(length)


@asynccontextmanager
async def connected(address: HostPort) -> AsyncIterator[Connection]:
    """A connection with the server at an address; leaving closes it at once. Raises `UpstreamDown`."""
    try:
        reader, writer = await asyncio.open_connection(address.host, address.port, limit=_LONGEST_LINE)
    except OSError as error:
        raise UpstreamDown("the Wyoming server cannot be reached") from error
    try:
        yield Connection(reader, writer)
    finally:
        # What is still under way interests nobody: the server is to stop.
        writer.transport.abort()
        with suppress(OSError):
            await writer.wait_closed()
