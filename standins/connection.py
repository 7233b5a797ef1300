"""What an engine sends through: a connection, with one fault at most."""

import asyncio
import random
from collections import deque
from collections.abc import Callable, Sequence

from standins import wire
from standins.faults import Close, CrossTalk, ErrorMessage, Fault, Garbage, Silent, Slow, Stall, StopsReading
from standins.garbage import garbage
from standins.websocket import WebSocket

_WAITING_LIMIT = 10_000
"""Messages that may wait behind a fault; the connection is reset at more."""


class FaultyConnection:
    """Sends messages in order, each as soon as the fault lets it."""

    def __init__(
        self, socket: WebSocket, fault: Fault | None, *, chance: random.Random, cross_talk: Sequence[bytes]
    ) -> None:
        """`cross_talk` are messages of another stream."""
        self.sent = 0
        """Messages so far, without what a fault added."""
        self.socket = socket
        """What it sends through when no fault is in the way."""
        self._fault = fault
        self._chance = chance
        self._cross_talk = cross_talk
        self._loop = asyncio.get_running_loop()
        self._waiting: deque[Callable[[], None]] = deque()
        self._held = isinstance(fault, Silent)
        self._timer: asyncio.TimerHandle | None = None

    @property
    def writable(self) -> bool:
        """Whether the client reads and no fault holds messages back."""
        return not self._waiting and self.socket.writable

    def opened(self) -> None:
        """Begin: the client may be sent to."""
        match self._fault:
            case Slow(first=first):
                self._hold(first)
            case CrossTalk(count=count):
                for number in range(count):
                    self.socket.send(self._cross_talk[number % len(self._cross_talk)])
            case StopsReading(after=0):
                self.socket.stop_reading()

    def send(self, message: bytes) -> None:
        """Send a message."""
        self._in_turn(lambda: self._send(message))

    def close(self, code: int | None = None) -> None:
        """Close once everything is sent."""
        self._in_turn(lambda: self.socket.close(code))

    def hang_up(self) -> None:
        """End without a close frame, at once."""
        self.socket.hang_up()

    def stop(self) -> None:
        """Forget what waits: the connection is over."""
        self._waiting.clear()
        if self._timer:
            self._timer.cancel()

    def _in_turn(self, action: Callable[[], None]) -> None:
        if not (self._held or self._waiting):
            action()
        elif isinstance(self._fault, Silent):
            return
        elif len(self._waiting) < _WAITING_LIMIT:
            self._waiting.append(action)
        else:
            self.socket.reset()

    def _send(self, message: bytes) -> None:
        if self.sent == 0:
            self._misbehave(message)
        if self._held:
            self._waiting.appendleft(lambda: self._say(message))
        else:
            self._say(message)

    def _say(self, message: bytes) -> None:
        self.socket.send(message)
        self.sent += 1
        self._misbehave(message)

    def _misbehave(self, message: bytes) -> None:
        """Do the fault if this is its moment."""
        fault = self._fault
        if isinstance(fault, Slow):
            if self.sent and fault.each:
                self._hold(fault.each)
            return
        if fault is None or isinstance(fault, (Silent, CrossTalk)) or getattr(fault, "after", None) != self.sent:
            return
        match fault:
            case Stall(seconds=seconds):
                self._hold(seconds)
            case StopsReading():
                self.socket.stop_reading()
            case Garbage(how=how, count=count):
                for _ in range(count):
                    self.socket.send(garbage(how, message, self._chance))
            case ErrorMessage(message=complaint):
                self.socket.send(wire.error(complaint))
                self.socket.close()
            case Close(how="code", code=code):
                self.socket.close(code)
            case Close(how="bare"):
                self.socket.close()
            case Close(how="eof"):
                self.socket.hang_up()
            case Close(how="reset"):
                self.socket.reset()

    def _hold(self, seconds: float) -> None:
        """Let nothing through for so long; 0: for good."""
        self._held = True
        if seconds:
            self._timer = self._loop.call_later(seconds, self._release)

    def _release(self) -> None:
        self._held = False
        while self._waiting and not self._held:
            self._waiting.popleft()()
