"""One client's session: its WebSocket and one `Converse` stream, with a pump in each direction."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager

import structlog
from grpc.aio import Channel, StreamStreamMultiCallable
from starlette.websockets import WebSocket, WebSocketDisconnect

from edge.dialects import Dialect, InvalidEvent
from edge.health import MeshHealth
from edge.metrics import EdgeMetrics
from edge.session import refusals
from edge.session.send_queue import PAUSE, ClientTooSlow, Outbox, Outgoing, Pause
from mesh.discovery.search import THROUGH_A_SEARCH, Admission, Replicas, admitted
from mesh.errors import Draining, Idle, InternalError, MeshError, UpstreamDown
from mesh.logs import bind_session
from mesh.tasks import beside
from parley.conversation.v1.conversation_pb2 import ConverseRequest, ConverseResponse
from parley.conversation.v1.conversation_pb2_grpc import ConversationServiceStub

SUBPROTOCOL = "realtime"

_CLIENT_LIMIT_S = 5.0
"""How long a client may leave a message unread that it is sent."""

_OPENING_LIMIT_S = 10.0
"""How long a client may take to say how the conversation is to be held."""

_RESTART_S = 1.0
"""When a client that is disconnected because the edge stops may try again: others are there, or one is soon."""

_LOST = 1006
"""The code of a connection that is gone without our having seen a close frame (RFC 6455, 7.1.5)."""

log = structlog.get_logger()

Conversation = Admission[ConverseRequest, ConverseResponse]


class RealtimeSession:
    """A client's session, from its admission to the close.

    Its tasks: the listener takes what the client sends to the orchestrator; the follower takes what the orchestrator
    answers into the outbox, as fast as it comes, so that the end of a reply overtakes the reply; the speaker sends what
    is in the outbox to the client.

    With `health`, a mesh in which something is known to be down is not asked at all. Once `stopping` is set, the client is
    told so and disconnected.
    """

    def __init__(
        self,
        websocket: WebSocket,
        dialect: Dialect,
        orchestrators: Replicas,
        metrics: EdgeMetrics,
        stopping: asyncio.Event,
        health: MeshHealth | None = None,
    ) -> None:
        self._websocket = websocket
        self._dialect = dialect
        self._orchestrators = orchestrators
        self._metrics = metrics
        self._stopping = stopping
        self._health = health
        self._outbox = Outbox()

    async def run(self) -> None:
        """Accept the client, hold the conversation, and close. A client that leaves ends all of it at any moment."""
        try:
            await self._accept()
            await self._converse_or_give_up()
        except WebSocketDisconnect as gone:
            log.info("the client has gone", code=gone.code)
        except ClientTooSlow:
            # It would not read a close frame either.
            log.info("the client does not read")
            self._metrics.disconnected()

    async def _accept(self) -> None:
        """Answer the subprotocol only if it was offered: clients that offered none would refuse the connection."""
        offered = self._websocket.scope["subprotocols"]
        await self._websocket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)

    async def _converse_or_give_up(self) -> None:
        try:
            async with beside(self._end_with_the_edge()):
                await self._converse()
        except (WebSocketDisconnect, ClientTooSlow):
            raise
        except MeshError as error:
            await self._give_up(error)
        except Exception:
            log.exception("bug in a session")
            await self._give_up(InternalError())
        else:
            await self._close(refusals.NORMAL_CLOSURE)

    async def _converse(self) -> None:
        """Hold the conversation to its end. Raises whatever ends it early."""
        if self._health is not None:
            await self._health.require()
        opening = await self._dialect.opening(self._receive_first)
        async with admitted(self._orchestrators, _converse_method, opening, THROUGH_A_SEARCH) as conversation:
            bind_session(conversation.started.started.session_id)
            log.info("session started", replica=conversation.replica)
            self._outbox.put(conversation.started)
            with self._metrics.session():
                async with beside(self._listen(conversation), self._follow(conversation)):
                    await self._speak()

    async def _end_with_the_edge(self) -> None:
        """Raise `Draining` when the edge stops."""
        await self._stopping.wait()
        raise Draining("this server is about to stop", retry_after=_RESTART_S)

    async def _listen(self, conversation: Conversation) -> None:
        """Take the client's messages to the orchestrator; one that is invalid is answered, and the session goes on."""
        clock = asyncio.get_running_loop().time
        while True:
            message = await self._receive()
            try:
                for request in self._dialect.requests(message, clock()):
                    await conversation.send(request)
            except InvalidEvent as fault:
                self._outbox.put(fault)
            except MeshError:
                # The follower knows better how the stream has ended: perhaps with a goodbye.
                return
            if self._dialect.wants_pause():
                self._outbox.want_pause()

    async def _receive_first(self) -> str | bytes:
        """The client's first message, where nothing can begin without it. Raises `Idle` if it does not come."""
        try:
            async with asyncio.timeout(_OPENING_LIMIT_S):
                return await self._receive()
        except TimeoutError:
            raise Idle(f"no first message came within {_OPENING_LIMIT_S:g} s") from None

    async def _receive(self) -> str | bytes:
        """The client's next message. Raises `WebSocketDisconnect`.

        No limit of its own: uvicorn pings, and the orchestrator ends a conversation with somebody who is long silent.
        """
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event["code"], event.get("reason"))
        text: str | None = event.get("text")
        data: bytes | None = event.get("bytes")
        return text if text is not None else data or b""

    async def _follow(self, conversation: Conversation) -> None:
        """Take the orchestrator's responses into the outbox. Raises `UpstreamDown` if they end too soon."""
        async for response in conversation:
            self._outbox.put(response)
            if response.HasField("conversation_ended"):
                self._outbox.close()
                return
        raise UpstreamDown("the conversation broke off")

    async def _speak(self) -> None:
        """Send what is in the outbox, until it is closed."""
        while (entry := await self._outbox.get()) is not None:
            for message in self._messages(entry):
                await self._send(message)

    def _messages(self, entry: Outgoing | Pause) -> Iterator[str]:
        if entry is PAUSE:
            yield from self._dialect.pause()
        elif isinstance(entry, InvalidEvent):
            yield self._dialect.rejection(entry)
        else:
            yield from self._dialect.events(entry)

    async def _send(self, message: str) -> None:
        async with _client_must_take():
            await self._websocket.send_text(message)

    async def _give_up(self, error: MeshError) -> None:
        """Tell the client why there is no going on, and close."""
        log.info("session refused or lost", reason=error.reason, error=error.message, cause=error.cause())
        self._metrics.failed(error)
        words = refusals.words(error)
        await self._send(self._dialect.fatal(words, error))
        await self._close(refusals.close_code(error), refusals.close_reason(words))
        self._metrics.disconnected()

    async def _close(self, code: int, reason: str = "") -> None:
        async with _client_must_take():
            await self._websocket.close(code, reason)


@asynccontextmanager
async def _client_must_take() -> AsyncIterator[None]:
    """Send something to the client. Raises `ClientTooSlow` or `WebSocketDisconnect` when it cannot be sent."""
    try:
        async with asyncio.timeout(_CLIENT_LIMIT_S):
            yield
    except TimeoutError:
        raise ClientTooSlow from None
    except RuntimeError as closed:
        # Uvicorn closes by itself a client that breaks the protocol or answers no ping, and takes it for a mistake to
        # send then. The session may learn of the close only afterwards.
        raise WebSocketDisconnect(_LOST) from closed


def _converse_method(channel: Channel) -> "StreamStreamMultiCallable[ConverseRequest, ConverseResponse]":
    return ConversationServiceStub(channel).Converse
