"""A `ConversationService` on a real gRPC socket whose side of every conversation is spoken by the test.

fake = FakeConversation()
async with conversation_server(fake) as server:
    ...  # a client converses with server.address
    conversation = await fake.next_conversation()
    request = await conversation.next_request("audio")
    await conversation.say(reply_created={"reply_id": "r1"})
    await conversation.end(END_CAUSE_GOODBYE)
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from grpc.aio import BaseError, ServicerContext

from mesh.errors import MeshError
from mesh.rpc.server import GrpcServer
from mesh.rpc.streams import first_request
from mesh.settings import ServiceSettings
from mesh.tasks import beside
from parley.conversation.v1.conversation_pb2 import (
    DESCRIPTOR,
    ConverseConfig,
    ConverseRequest,
    ConverseResponse,
    DescribeServiceRequest,
    DescribeServiceResponse,
)
from parley.conversation.v1.conversation_pb2_grpc import (
    ConversationServiceServicer,
    add_ConversationServiceServicer_to_server,
)

LIMIT_S = 5.0
_LINGER_S = 0.25
"""How long a test waits for what must come."""

_Context = ServicerContext[ConverseRequest, ConverseResponse]


class FakeConversation(ConversationServiceServicer):
    """Admits every conversation and hands it to the test, unless told to refuse.

    `refusal` is raised before `started`. `reading` may be cleared to leave requests unread, as a service that is stuck.
    """

    def __init__(self) -> None:
        self.refusal: MeshError | None = None
        self.description = DescribeServiceResponse(model="gpt-4o-mini", can_record=True)
        self.reading = asyncio.Event()
        self.reading.set()
        self.admitted = 0
        self.live = 0
        """Conversations that are going on."""
        self.left = asyncio.Event()
        self._conversations: asyncio.Queue[Conversation] = asyncio.Queue()

    async def idle(self) -> None:
        """Wait until no conversation is left."""
        while self.live:
            self.left.clear()
            await self.left.wait()

    async def next_conversation(self) -> "Conversation":
        """The next conversation that a client opens."""
        async with asyncio.timeout(LIMIT_S):
            return await self._conversations.get()

    async def DescribeService(  # noqa: N802 - gRPC's name
        self,
        _request: DescribeServiceRequest,
        _context: ServicerContext[DescribeServiceRequest, DescribeServiceResponse],
    ) -> DescribeServiceResponse:
        return self.description

    async def Converse(  # type: ignore[override]  # noqa: N802 - gRPC's name; its types know only synchronous servicers
        self, requests: AsyncIterator[ConverseRequest], context: "_Context"
    ) -> None:
        """Serve one conversation as the test wants it."""
        config = (await first_request(requests)).config
        if self.refusal is not None:
            raise self.refusal
        self.admitted += 1
        conversation = Conversation(config, context)
        await conversation.say(started={"session_id": f"session-{self.admitted}", "session": config.session})
        self._conversations.put_nowait(conversation)
        self.live += 1
        try:
            await conversation.run(requests, self.reading)
        finally:
            self.live -= 1
            self.left.set()


class Conversation:
    """One conversation: what the client asked, and the means to answer."""

    def __init__(self, config: ConverseConfig, context: "_Context") -> None:
        self.config = config
        self.finished = False
        """Whether the client sent `finish`. Requests that ended without it mean that it hung up."""
        self.requests: asyncio.Queue[ConverseRequest] = asyncio.Queue()
        self._context = context
        self._over = asyncio.Event()
        self._hung_up = asyncio.Event()
        self._failure: MeshError | None = None

    async def run(self, requests: AsyncIterator[ConverseRequest], reading: asyncio.Event) -> None:
        """Serve until the test ends it or the client is gone."""
        async with beside(self._receive(requests, reading)):
            await self._over.wait()
        if self._failure is not None:
            raise self._failure

    async def next_request(self, kind: str | None = None) -> ConverseRequest:
        """The next request, or the next of a kind ("audio"), passing over others."""
        async with asyncio.timeout(LIMIT_S):
            while True:
                request = await self.requests.get()
                if kind is None or request.WhichOneof("request") == kind:
                    return request

    async def say(self, request_id: str | None = None, **event: Any) -> None:
        """Send one response, given as its member and that member's fields. A client that has hung up hears nothing."""
        with suppress(BaseError):
            await self._context.write(ConverseResponse(request_id=request_id, **event))

    async def end(self, cause: int) -> None:
        """Send `conversation_ended`, and end the stream a moment later, as the orchestrator does.

        A client that is sending when its stream ends is given an error by gRPC, and not what was sent last.
        """
        await self.say(conversation_ended={"cause": cause})
        with suppress(TimeoutError):
            async with asyncio.timeout(_LINGER_S):
                await self._hung_up.wait()
        self._over.set()

    def fail(self, error: MeshError | None = None) -> None:
        """End the stream with `error`; without one, as if all were well, but for the missing `conversation_ended`."""
        self._failure = error
        self._over.set()

    async def hung_up(self) -> None:
        """Wait until the client's requests have ended."""
        async with asyncio.timeout(LIMIT_S):
            await self._hung_up.wait()

    async def _receive(self, requests: AsyncIterator[ConverseRequest], reading: asyncio.Event) -> None:
        try:
            await reading.wait()
            async for request in requests:
                self.finished |= request.HasField("finish")
                self.requests.put_nowait(request)
                await reading.wait()
        finally:
            self._hung_up.set()
            self._over.set()


@asynccontextmanager
async def conversation_server(fake: FakeConversation, *, port: int = 0) -> AsyncIterator[GrpcServer]:
    """Serve `fake` meanwhile, on loopback. Its health has the names that the orchestrator's has: stt, tts and llm."""
    server = GrpcServer(
        ServiceSettings(port=port),
        services=[DESCRIPTOR.services_by_name["ConversationService"]],
        add=lambda grpc_server: add_ConversationServiceServicer_to_server(fake, grpc_server),
    )
    async with server:
        for name in ("stt", "tts", "llm"):
            await server.health.set(name, serving=True)
        yield server
