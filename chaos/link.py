"""A TCP port in front of one address: it passes everything on, until it is told to behave like a broken network."""

import asyncio
import socket
import struct
from collections import deque
from contextlib import suppress
from typing import cast

_QUEUE_LIMIT_BYTES = 1 << 20
"""What one direction of a connection may hold back for its latency. Beyond that its sender has to wait."""

_CONNECT_LIMIT_S = 2.0
_RESET = struct.pack("ii", 1, 0)
"""SO_LINGER that makes the close a reset."""


class Link:
    """Forwards connections on a port of its own to `host`:`port`.

    `listen` opens the port, and `refuse` closes it: connecting then fails at once, as on a machine whose process has
    died. `darken` is a partition: nothing passes in either direction, the connections stay half-open, and new ones are
    accepted but hang. What was sent meanwhile arrives after `lighten`, as TCP repeats it. `cut` resets the connections
    that exist. `latency_s` delays each direction.
    """

    def __init__(self, host: str, port: int) -> None:
        self.target = (host, port)
        self.port = 0
        """Where it listens; the same after every `listen`."""
        self.latency_s = 0.0
        self.is_dark = False
        self._server: asyncio.Server | None = None
        self._pairs: set[_Pair] = set()

    @property
    def address(self) -> str:
        """Where its callers connect, as "host:port"."""
        return f"{self.target[0]}:{self.port}"

    @property
    def connections(self) -> int:
        """How many there are."""
        return len(self._pairs)

    async def listen(self) -> None:
        """Take connections from now on. Raises `OSError` if the port is gone."""
        if self._server is not None:
            return
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(lambda: _Pair(self).caller, self.target[0], self.port)
        self.port = self._server.sockets[0].getsockname()[1]

    def refuse(self) -> None:
        """Refuse new connections; those that exist stay."""
        if self._server is not None:
            self._server.close()
            self._server = None

    def darken(self) -> None:
        """Let nothing pass."""
        self.is_dark = True
        for pair in self._pairs:
            pair.pause("dark")

    def lighten(self) -> None:
        """Let everything pass again."""
        self.is_dark = False
        for pair in list(self._pairs):
            pair.resume("dark")
            pair.connect()

    def cut(self) -> None:
        """Reset every connection, on both sides."""
        for pair in list(self._pairs):
            pair.reset()

    async def close(self) -> None:
        """Refuse, and cut."""
        self.refuse()
        self.cut()
        # Transports report their end in the next round of the loop.
        await asyncio.sleep(0)

    def added(self, pair: "_Pair") -> None:
        """Keep a connection that has come."""
        self._pairs.add(pair)

    def ended(self, pair: "_Pair") -> None:
        """Forget a connection."""
        self._pairs.discard(pair)


class DirectLink(Link):
    """The process's own port, for a mesh whose network is not to be broken: what passes costs nothing here."""

    def __init__(self, host: str, port: int) -> None:
        super().__init__(host, port)
        self.port = port

    async def listen(self) -> None:
        """The process does."""

    def refuse(self) -> None:
        """A process that is gone refuses by itself."""


class _Pair:
    """A connection of a caller, and the one to the target that belongs to it."""

    def __init__(self, link: Link) -> None:
        self.link = link
        self.caller = _Side(self)
        self.target = _Side(self)
        self.caller.other, self.target.other = self.target, self.caller
        self._connecting: asyncio.Task[None] | None = None

    def opened(self) -> None:
        """The caller is there."""
        self.link.added(self)
        self.caller.pause("unconnected")
        if self.link.is_dark:
            self.caller.pause("dark")
        else:
            self.connect()

    def connect(self) -> None:
        """Connect to the target, unless that was begun before."""
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._connect())

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            async with asyncio.timeout(_CONNECT_LIMIT_S):
                await loop.create_connection(lambda: self.target, *self.link.target)
        except (OSError, TimeoutError):
            self.reset()
            return
        if self.link.is_dark:
            self.target.pause("dark")
        self.caller.resume("unconnected")

    def pause(self, why: str) -> None:
        """Read from neither side."""
        self.caller.pause(why)
        self.target.pause(why)

    def resume(self, why: str) -> None:
        """Read again, as far as `why` is concerned."""
        self.caller.resume(why)
        self.target.resume(why)

    def reset(self) -> None:
        """End both connections with a reset."""
        if self._connecting is not None:
            self._connecting.cancel()
        self.caller.reset()
        self.target.reset()
        self.link.ended(self)

    def lost(self) -> None:
        """One side has ended: so does the other."""
        if self._connecting is not None:
            self._connecting.cancel()
        self.caller.close()
        self.target.close()
        if self.caller.is_over and self.target.is_over:
            self.link.ended(self)


class _Side(asyncio.Protocol):
    """One of the two connections: what it receives goes to the other."""

    other: "_Side"

    def __init__(self, pair: _Pair) -> None:
        self._pair = pair
        self._transport: asyncio.Transport | None = None
        self._paused_by: set[str] = set()
        self._delayed: deque[tuple[float, bytes | None]] = deque()
        """What is still to be passed on, and when; None is the end."""
        self._delayed_bytes = 0
        self._timer: asyncio.TimerHandle | None = None
        self._has_sent_end = False

    @property
    def is_over(self) -> bool:
        """Whether there is no connection, any more or yet."""
        return self._transport is None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Begin to read, unless something is against it."""
        self._transport = cast("asyncio.Transport", transport)
        if self._paused_by:
            self._transport.pause_reading()
        if self is self._pair.caller:
            self._pair.opened()

    def data_received(self, data: bytes) -> None:
        """Pass it on."""
        self._pass_on(data)

    def eof_received(self) -> bool:
        """Pass the end of this direction on; the other direction stays open."""
        self._pass_on(None)
        return True

    def connection_lost(self, exc: Exception | None) -> None:
        """End the other side too."""
        self._transport = None
        if self._timer is not None:
            self._timer.cancel()
        if exc is not None:
            self.other.reset()
        self._pair.lost()

    def pause_writing(self) -> None:
        """The reader of this side is slow, so the other side waits."""
        self.other.pause("full")

    def resume_writing(self) -> None:
        """The reader has caught up."""
        self.other.resume("full")

    def pause(self, why: str) -> None:
        """Stop reading."""
        if not self._paused_by and self._transport is not None and not self._transport.is_closing():
            self._transport.pause_reading()
        self._paused_by.add(why)

    def resume(self, why: str) -> None:
        """Read again if nothing else is against it."""
        if why not in self._paused_by:
            return
        self._paused_by.discard(why)
        if not self._paused_by and self._transport is not None and not self._transport.is_closing():
            self._transport.resume_reading()

    def reset(self) -> None:
        """End with a reset."""
        if self._transport is None:
            return
        sock = self._transport.get_extra_info("socket")
        with suppress(OSError):
            sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        self._transport.abort()

    def close(self) -> None:
        """End after everything was sent."""
        if self._transport is not None:
            self._transport.close()

    def write(self, data: bytes | None) -> None:
        """Send what the other side has received; None: its end."""
        if self._transport is None or self._transport.is_closing():
            return
        if data is not None:
            self._transport.write(data)
            return
        self._has_sent_end = True
        if self.other._has_sent_end:  # noqa: SLF001 - the same class
            self._pair.lost()
        elif self._transport.can_write_eof():
            self._transport.write_eof()

    def _pass_on(self, data: bytes | None) -> None:
        latency_s = self._pair.link.latency_s
        if latency_s <= 0 and not self._delayed:
            self.other.write(data)
            return
        self._delayed.append((asyncio.get_running_loop().time() + latency_s, data))
        self._delayed_bytes += len(data or b"")
        if self._delayed_bytes >= _QUEUE_LIMIT_BYTES:
            self.pause("queued")
        if self._timer is None:
            self._schedule()

    def _schedule(self) -> None:
        self._timer = asyncio.get_running_loop().call_at(self._delayed[0][0], self._pass_on_due)

    def _pass_on_due(self) -> None:
        self._timer = None
        now = asyncio.get_running_loop().time()
        # The first is due, whatever the resolution of the loop's clock.
        while self._delayed and (self._delayed[0][0] <= now + 0.001):
            _, data = self._delayed.popleft()
            self._delayed_bytes -= len(data or b"")
            self.other.write(data)
        if self._delayed_bytes < _QUEUE_LIMIT_BYTES:
            self.resume("queued")
        if self._delayed:
            self._schedule()
