"""People who call a running mesh: their microphone is always on, in real time, and they note everything they hear."""

import asyncio
import base64
import itertools
import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any, Generic, TypeVar

import grpc
import httpx2
import numpy as np
import sphn
from numpy.typing import NDArray
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol

from mesh.audio import SAMPLE_RATE, Decoder, Encoder, negotiate
from mesh.tasks import beside
from parley.conversation.v1 import conversation_pb2 as pb
from parley.conversation.v1.conversation_pb2_grpc import ConversationServiceStub

Samples = NDArray[np.float32]
Event = TypeVar("Event")

_BREATH = SAMPLE_RATE // 2

_ROOM_NOISE = 1e-3
"""RMS of the noise that a microphone always hears; recognisers expect it."""


class Microphone:
    """Frames in real time: what the person says next, or the quiet of the room."""

    def __init__(self, frame_s: float) -> None:
        self._frame = round(frame_s * SAMPLE_RATE)
        self._speech: Samples = np.zeros(0, np.float32)
        self._noise = np.random.default_rng(7)
        self._spoken = asyncio.Event()
        self.position = 0
        """Samples sent so far."""
        self._switched_on = 0.0

    def say(self, speech: Samples) -> int:
        """Speak after whatever is still being said, and return the position at which this begins.

        Nobody speaks in the very moment a line opens: it has been quiet for a breath by then.
        """
        breath = np.zeros(max(0, _BREATH - self.position - len(self._speech)), np.float32)
        self._speech = np.concatenate([self._speech, breath])
        begins = self.position + len(self._speech)
        self._speech = np.concatenate([self._speech, speech])
        self._spoken.clear()
        return begins

    async def silence(self) -> float:
        """Wait until all has been said, and return when that was."""
        await self._spoken.wait()
        return asyncio.get_running_loop().time()

    def uttered_at(self, position: int) -> float:
        """When the sample at `position` was, or will be, spoken."""
        return self._switched_on + position / SAMPLE_RATE

    async def frames(self) -> AsyncIterator[Samples]:
        """Each frame when its last sample has been spoken."""
        self._switched_on = now()
        while True:
            await asyncio.sleep(max(0.0, self.uttered_at(self.position + self._frame) - now()))
            said, self._speech = self._speech[: self._frame], self._speech[self._frame :]
            heard = self._noise.normal(0.0, _ROOM_NOISE, self._frame).astype(np.float32)
            heard[: len(said)] += said
            self.position += self._frame
            yield heard
            if not len(self._speech):
                self._spoken.set()


class Notes(Generic[Event]):
    """Everything that was heard, and when, in the order it came."""

    def __init__(self) -> None:
        self.entries: list[tuple[float, Event]] = []
        self._more = asyncio.Event()

    @property
    def events(self) -> list[Event]:
        return [event for _, event in self.entries]

    def add(self, event: Event) -> None:
        self.entries.append((now(), event))
        self._more.set()

    async def first(self, wanted: Callable[[Event], bool], *, after: int = 0, within: float = 20.0) -> int:
        """Wait for the first event that is `wanted` from index `after` on, and return its index."""
        async with asyncio.timeout(within):
            for index in itertools.count(after):
                while len(self.entries) <= index:
                    self._more.clear()
                    await self._more.wait()
                if wanted(self.entries[index][1]):
                    return index
        raise AssertionError


def now() -> float:
    return asyncio.get_running_loop().time()


class Browser:
    """Talks to the edge as Unmute's page does: Ogg Opus in pages of 40 ms, both ways."""

    def __init__(self, socket: ClientConnection) -> None:
        self.microphone = Microphone(frame_s=0.04)
        self.heard: Notes[dict[str, Any]] = Notes()
        self.speech: list[Samples] = []
        self.close_code: int | None = None
        self._socket = socket

    async def send(self, event: dict[str, Any]) -> None:
        await self._socket.send(json.dumps(event))

    async def first(self, kind: str, *, after: int = 0, within: float = 20.0) -> int:
        return await self.heard.first(lambda event: event["type"] == kind, after=after, within=within)

    def of(self, kind: str) -> list[dict[str, Any]]:
        return [event for event in self.heard.events if event["type"] == kind]

    async def speak(self) -> None:
        opus = sphn.OpusStreamWriter(SAMPLE_RATE)
        try:
            async for frame in self.microphone.frames():
                if page := opus.append_pcm(frame):
                    audio = base64.b64encode(page).decode()
                    await self.send({"type": "input_audio_buffer.append", "audio": audio})
        except ConnectionClosed:
            return

    async def listen(self) -> None:
        opus = sphn.OpusStreamReader(SAMPLE_RATE)
        try:
            async for message in self._socket:
                event = json.loads(message)
                if event["type"] == "response.audio.delta":
                    self.speech.append(opus.append_bytes(base64.b64decode(event["delta"])))
                self.heard.add(event)
        except ConnectionClosed:
            pass
        self.close_code = self._socket.close_code
        self.heard.add({"type": "closed", "code": self._socket.close_code})


SESSION = {"instructions": {"type": "smalltalk"}, "voice": None, "allow_recording": False}


@asynccontextmanager
async def browser(url: str, *, session: dict[str, Any] | None = SESSION) -> AsyncIterator[Browser]:
    """A person at a browser, with the microphone on. As pages do, it asks first whether a conversation can be held."""
    await _healthy(url.replace("ws", "http", 1))
    async with connect(f"{url}/v1/realtime", subprotocols=[Subprotocol("realtime")], max_size=None) as socket:
        person = Browser(socket)
        if session is not None:
            await person.send({"type": "session.update", "session": session})
        async with beside(person.speak(), person.listen()):
            yield person


async def _healthy(url: str) -> None:
    """Wait until the edge says that all is well: a language model that has just been started is noticed in a second."""
    async with httpx2.AsyncClient() as client, asyncio.timeout(10.0):
        while not (await client.get(f"{url}/v1/health")).json()["ok"]:  # noqa: ASYNC110 - nobody tells when it is
            await asyncio.sleep(0.1)


class Bridge:
    """Talks straight to `Converse`, as a telephony bridge does."""

    def __init__(self, call: Any, config: pb.ConverseConfig) -> None:
        self.microphone = Microphone(frame_s=0.08)
        self.heard: Notes[pb.ConverseResponse] = Notes()
        self._call = call
        self._config = config
        self._encoder = Encoder(negotiate(config.input_format))
        self._decoder = Decoder(negotiate(config.output_format))
        self._pcm = bytearray()

    @property
    def speech(self) -> Samples:
        """All that has been heard of the replies."""
        return np.frombuffer(bytes(self._pcm), np.int16).astype(np.float32) / np.float32(32_768)

    async def send(self, **request: Any) -> None:
        await self._call.write(pb.ConverseRequest(**request))

    async def first(self, kind: str, *, after: int = 0, within: float = 20.0) -> int:
        return await self.heard.first(lambda event: event.WhichOneof("event") == kind, after=after, within=within)

    def of(self, kind: str) -> list[Any]:
        return [getattr(event, kind) for event in self.heard.events if event.WhichOneof("event") == kind]

    async def speak(self) -> None:
        await self.send(config=self._config)
        if self._config.typed_only:
            return
        async for frame in self.microphone.frames():
            pcm = (np.clip(frame, -1, 1) * 32_767).astype("<i2").tobytes()
            await self.send(audio=pb.UserAudio(audio=self._encoder.encode(pcm)))

    async def listen(self) -> None:
        while (response := await self._call.read()) is not grpc.aio.EOF:
            if response.HasField("reply_audio"):
                self._pcm += self._decoder.decode(response.reply_audio.audio)
            self.heard.add(response)


@asynccontextmanager
async def bridge(target: str, config: pb.ConverseConfig) -> AsyncIterator[Bridge]:
    """A person on a line that ends at the orchestrator, with the microphone on unless `config` is typed only."""
    async with grpc.aio.insecure_channel(target) as channel:
        call = ConversationServiceStub(channel).Converse()
        person = Bridge(call, config)
        try:
            async with beside(person.speak(), person.listen()):
                yield person
        finally:
            call.cancel()
