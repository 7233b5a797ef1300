"""A client of `/v1/realtime` written from the protocol's description alone, which believes nothing it is told.

It talks as the load test does: settings first, then its microphone in real time, 80 ms of Opus a message, the header
pages in the first. Whatever it is sent is held against the list of events and against every rule of order.
"""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import Any, TypeVar

import msgspec
import numpy as np
import sphn
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from mesh.audio import SAMPLE_RATE
from mesh.tasks import beside
from tests.e2e.people import Microphone
from tests.unmute.occurrences import Ended, Occurrence, Played, Received, Updated
from tests.unmute.rules import Rules, Violation
from tests.unmute.sheet import (
    AdditionalOutputs,
    AudioDelta,
    AudioDone,
    Event,
    Instructions,
    Message,
    NotOnTheSheet,
    Session,
    SmallTalk,
    read,
)

Samples = NDArray[np.float32]
E = TypeVar("E", bound=Event)

CHUNK_S = 0.08
SIX_MESSAGES = 6
_UPDATE_LIMIT_S = 20.0


class Call:
    """One connection, with its microphone on."""

    def __init__(self, socket: ClientConnection) -> None:
        self.occurrences: list[Occurrence] = []
        self.history: Sequence[Message] = ()
        """What has been said, as the server tells it."""
        self.speech: list[Samples] = []
        """What the one decoder of this connection made of the server's sound."""
        self.strange: list[str] = []
        """Messages that are not on the list."""
        self._socket = socket
        self._rules = Rules()
        self._microphone = Microphone(CHUNK_S)
        self._speech: list[tuple[int, int]] = []
        self._more = asyncio.Event()

    @property
    def violations(self) -> list[Violation | str]:
        """All that was wrong so far."""
        return [*self.strange, *self._rules.violations]

    @property
    def ended(self) -> Ended | None:
        """How the connection ended, if it has."""
        # The microphone finds out a moment later, and may have noted one frame more.
        return next((each for each in reversed(self.occurrences) if isinstance(each, Ended)), None)

    async def update(self, instructions: Instructions | None = None, voice: str | None = None) -> None:
        """Change the session, without a recording."""
        session = Session(instructions, voice, allow_recording=False)
        self._see(Updated(_now(), session))
        await self._send({"type": "session.update", "session": msgspec.to_builtins(session)})

    def say(self, speech: Samples) -> int:
        """Say something, after what is still being said; return the index of what happens next."""
        begins = self._microphone.say(speech)
        self._speech.append((begins, begins + len(speech)))
        return len(self.occurrences)

    def of(self, kind: type[E], *, after: int = 0) -> list[E]:
        """The events of this kind, from an index of occurrences on."""
        told = (each.event for each in self.occurrences[after:] if isinstance(each, Received))
        return [event for event in told if isinstance(event, kind)]

    async def until(self, kind: type[Event], *, after: int = 0, within: float = 30.0) -> int:
        """Wait for such an event from an index on, and return the index past it. Raises if the connection ends."""
        index = await self._until(
            lambda each: isinstance(each, Received) and isinstance(each.event, kind), after, within
        )
        if self.occurrences[index] is self.ended:
            raise AssertionError(f"{self.ended} instead of {kind.__name__}; {[str(each) for each in self.violations]}")
        return index + 1

    async def until_ended(self, *, within: float = 30.0) -> Ended:
        """Wait for the server to close the connection."""
        await self._until(lambda each: isinstance(each, Ended), 0, within)
        assert self.ended
        return self.ended

    async def _until(self, wanted: Callable[[Occurrence], bool], after: int, within: float) -> int:
        async with asyncio.timeout(within):
            for index in itertools.count(after):
                while len(self.occurrences) <= index:
                    self._more.clear()
                    await self._more.wait()
                if wanted(self.occurrences[index]) or isinstance(self.occurrences[index], Ended):
                    return index
        raise AssertionError

    async def speak(self) -> None:
        """Play the microphone's sound for as long as the connection lasts."""
        opus = sphn.OpusStreamWriter(SAMPLE_RATE)
        try:
            async for chunk in self._microphone.frames():
                pages = opus.append_pcm(chunk)
                reached = self._microphone.position
                spoke = any(begin < reached and reached - len(chunk) < end for begin, end in self._speech)
                # Noted first: the server may answer before the sending is through.
                self._see(Played(_now(), len(chunk) / SAMPLE_RATE, spoke))
                await self._send(
                    {"type": "input_audio_buffer.append", "audio": base64.b64encode(pages).decode()},
                )
        except ConnectionClosed:
            return

    async def listen(self) -> None:
        """Take what the server says until the connection ends."""
        opus = sphn.OpusStreamReader(SAMPLE_RATE)
        by_client = False
        try:
            async for message in self._socket:
                try:
                    event = read(message)
                except NotOnTheSheet as strange:
                    self.strange.append(str(strange))
                    continue
                if isinstance(event, AdditionalOutputs):
                    self.history = event.args.chat_history
                if isinstance(event, AudioDelta):
                    self.speech.append(opus.append_bytes(event.delta))
                self._see(Received(_now(), event))
        except ConnectionClosed:
            pass
        by_client = self._socket.protocol.close_rcvd_then_sent is False
        self._see(Ended(_now(), self._socket.close_code or 1006, self._socket.close_reason or "", by_client=by_client))

    async def _send(self, message: dict[str, Any]) -> None:
        await self._socket.send(json.dumps(message))

    def _see(self, occurrence: Occurrence) -> None:
        self.occurrences.append(occurrence)
        self._rules.see(occurrence)
        self._more.set()


@asynccontextmanager
async def calling(url: str) -> AsyncIterator[Call]:
    """A call without settings, its microphone on."""
    async with connect(
        f"{url}/v1/realtime", subprotocols=[Subprotocol("realtime")], compression=None, max_size=None
    ) as socket:
        assert socket.subprotocol == "realtime"
        call = Call(socket)
        async with beside(call.speak(), call.listen()):
            yield call
            if not call.ended:
                await socket.close()
                await call.until_ended()


async def converse(url: str, voice: str, utterances: Sequence[Samples], *, messages: int = SIX_MESSAGES) -> Call:
    """Talk as the load test does, until so many messages were exchanged, and return the call, which has ended.

    Raises `AssertionError` when the server ends it, and `TimeoutError` when it does not go on.
    """
    async with calling(url) as call:
        await call.update(SmallTalk(language=None), voice)
        said = 0
        done = await call.until(AudioDone)
        while len(call.history) < messages:
            call.say(utterances[said % len(utterances)])
            said += 1
            done = await call.until(AudioDone, after=done)
    return call


def _now() -> float:
    return asyncio.get_running_loop().time()
