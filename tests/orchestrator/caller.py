"""A client of `Converse`, as a bridge or a load test would write it."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import grpc
import numpy as np

from mesh.audio import FRAME_SAMPLES
from mesh.errors import MeshError, from_rpc_error
from parley.conversation.v1 import conversation_pb2 as pb
from parley.conversation.v1.conversation_pb2_grpc import ConversationServiceStub

Call = grpc.aio.StreamStreamCall[pb.ConverseRequest, pb.ConverseResponse]

TYPED = pb.ConverseConfig(typed_only=True)

SILENCE = np.zeros(FRAME_SAMPLES, "<i2").tobytes()
"""80 ms of nothing, in the working format."""
SPEECH = np.full(FRAME_SAMPLES, 8_000, "<i2").tobytes()
"""80 ms that the fake recogniser takes for speech."""


def name_of(event: pb.ConverseResponse) -> str:
    return event.WhichOneof("event") or ""


class Caller:
    """One conversation. Whatever it is told it keeps in `events`; it reads only when asked to."""

    def __init__(self, call: Call) -> None:
        self.call = call
        self.events: list[pb.ConverseResponse] = []

    async def send(self, request: pb.ConverseRequest) -> None:
        await self.call.write(request)

    async def say(self, text: str, request_id: str | None = None) -> None:
        """Type a turn."""
        await self.send(pb.ConverseRequest(request_id=request_id, text=pb.UserText(text=text)))

    async def play(self, *frames: bytes, request_id: str | None = None) -> None:
        """Send microphone audio, one message for each of `frames`."""
        for frame in frames:
            await self.send(pb.ConverseRequest(request_id=request_id, audio=pb.UserAudio(audio=frame)))

    async def update(self, session: pb.SessionConfig, request_id: str | None = None) -> None:
        update = pb.UpdateSession(session=session)
        await self.send(pb.ConverseRequest(request_id=request_id, update=update))

    async def finish(self, request_id: str | None = None) -> None:
        await self.send(pb.ConverseRequest(request_id=request_id, finish=pb.ConverseFinish()))

    async def hang_up(self) -> None:
        """End the requests without `finish`."""
        await self.call.done_writing()

    async def next(self) -> pb.ConverseResponse | None:
        """Read one event; None at a good end. Raises `MeshError` at a bad one."""
        try:
            async with asyncio.timeout(10):
                event = await self.call.read()
        except grpc.aio.AioRpcError as error:
            raise from_rpc_error(error) from error
        if not isinstance(event, pb.ConverseResponse):
            return None
        self.events.append(event)
        return event

    async def until_event(self, name: str) -> pb.ConverseResponse:
        """Read on until an event of this name, and return it."""
        while event := await self.next():
            if name_of(event) == name:
                return event
        raise AssertionError(f"the conversation ended without {name}: {self.names()}")

    async def until(self, name: str) -> Any:
        """Read on until an event of this name, and return what it says."""
        return getattr(await self.until_event(name), name)

    async def to_end(self) -> list[str]:
        """Read to the good end and return the names of all events."""
        while await self.next():
            pass
        return self.names()

    async def failure(self) -> MeshError:
        """Read to the bad end and return how it went wrong."""
        try:
            names = await self.to_end()
        except MeshError as error:
            return error
        raise AssertionError(f"the conversation ended well: {names}")

    def names(self, *, without: str = "") -> list[str]:
        return [name_of(event) for event in self.events if name_of(event) != without]

    def received(self, name: str) -> list[Any]:
        """Everything of this name so far."""
        return [getattr(event, name) for event in self.events if name_of(event) == name]

    def audio(self, reply_id: str) -> bytes:
        """All audio of a reply so far."""
        return b"".join(each.audio for each in self.received("reply_audio") if each.reply_id == reply_id)


@asynccontextmanager
async def dialled(channel: grpc.aio.Channel) -> AsyncIterator[Caller]:
    """A call on which nothing has been said."""
    call = ConversationServiceStub(channel).Converse()
    try:
        yield Caller(call)
    finally:
        call.cancel()


@asynccontextmanager
async def calling(channel: grpc.aio.Channel, config: pb.ConverseConfig | None = None) -> AsyncIterator[Caller]:
    """A conversation that has started."""
    async with dialled(channel) as caller:
        await caller.send(pb.ConverseRequest(config=config or pb.ConverseConfig()))
        await caller.until("started")
        yield caller
