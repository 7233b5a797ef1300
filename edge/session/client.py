"""One client's session: its WebSocket and one `Converse` stream, with a pump in each direction."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager, suppress

import structlog
from starlette.websockets import WebSocket, WebSocketDisconnect

from edge.access.openings import Openings
from edge.dialects import DialectFactory, InvalidEvent
from edge.health import MeshHealth
from edge.http.connections import ABORT
from edge.metrics import EdgeMetrics
from edge.session import refusals
from edge.session.resume_tokens import CheckpointStore, MemoryStore, give_back, looked_up, resumable, use_up
from edge.session.send_queue import ClientTooSlow, Outgoing, SendQueue
from edge.session.stream import ConversationStream, ResumeCause, conversation, ignored
from mesh.discovery.search import Replicas
from mesh.errors import Draining, Idle, InternalError, MeshError
from mesh.limits import RepeatedLimit
from mesh.process.logs import bind_session
from mesh.tasks import beside
from parley.conversation.v1.conversation_pb2 import Checkpoint, ConverseRequest, ConverseResponse

SUBPROTOCOL = "realtime"

_CLIENT_LIMIT_S = 5.0
"""How long a client may leave a message unread."""

_OPENING_LIMIT_S = 10.0
"""How long a client may take to say how the conversation is to be held."""

_RESTART_S = 1.0
"""When a client may reconnect after the edge has stopped: another edge is running, or will be soon."""

_TOKEN_LIMIT_S = 0.25
"""How long the first messages wait for the token, so that a client that knows of its conversation can go on with it."""

_LOST = 1006
"""The close code of a connection that was lost without a close frame (RFC 6455, 7.1.5)."""

log = structlog.get_logger()


class ClientSession:
    """A client's session, from its admission to the close.

    It runs three tasks. One forwards the client's messages to the orchestrator. One puts the orchestrator's responses
    into the send queue as fast as they come, so the end of a reply overtakes the reply. One sends what is in the queue
    to the client.

    `openings` gives it its turn. With `health`, the session fails at once if something in the mesh is known to be down.
    Once `draining` is set, the session disconnects its client at the next pause, so that it finds another edge; once
    `stopping` is set, at once.
    """

    def __init__(
        self,
        websocket: WebSocket,
        dialect: DialectFactory,
        orchestrators: Replicas,
        metrics: EdgeMetrics,
        *,
        stopping: asyncio.Event,
        openings: Openings,
        draining: asyncio.Event | None = None,
        checkpoints: CheckpointStore | None = None,
        health: MeshHealth | None = None,
    ) -> None:
        self._websocket = websocket
        self._orchestrators = orchestrators
        self._metrics = metrics
        self._stopping = stopping
        self._openings = openings
        self._draining = draining or asyncio.Event()
        self._checkpoints = checkpoints or MemoryStore()
        self._health = health
        self._send_queue = SendQueue()
        self._client_limit = RepeatedLimit(_CLIENT_LIMIT_S)
        self._dialect = dialect(self._send_queue.put)
        self._token_queued = asyncio.Event()
        self._token_sent = asyncio.Event()
        """Set once the client has been sent the token with which it goes on elsewhere, or at once if it wants none."""

    async def run(self) -> None:
        """Accept the client, hold the conversation, and close. A client that leaves ends all of it at any moment.

        Raises `AtCapacity` if the client cannot even be accepted.
        """
        try:
            await self._accept()
            await self._converse_or_fail()
        except WebSocketDisconnect as gone:
            log.info("the client has disconnected", code=gone.code)
        except ClientTooSlow:
            # It would not read a close frame either, so the connection would last as long as its buffers are full.
            log.info("the client does not read")
            self._metrics.count_disconnect()
            if abort := self._websocket.scope.get(ABORT):
                abort()
        finally:
            self._send_queue.discard()
            self._client_limit.close()

    async def _accept(self) -> None:
        """Answer the subprotocol only if it was offered: clients that offered none would refuse the connection."""
        offered = self._websocket.scope["subprotocols"]
        async with self._openings.turn():
            await self._websocket.accept(subprotocol=SUBPROTOCOL if SUBPROTOCOL in offered else None)

    async def _converse_or_fail(self) -> None:
        try:
            async with beside(self._end_with_the_edge()):
                await self._converse()
        except (WebSocketDisconnect, ClientTooSlow):
            raise
        except MeshError as error:
            await self._fail(error)
        except Exception:
            log.exception("bug in a session")
            await self._fail(InternalError())
        else:
            await self._close(refusals.NORMAL_CLOSURE)

    async def _converse(self) -> None:
        """Hold the conversation to its end. Raises whatever ends it early."""
        if self._health is not None:
            await self._health.require()
        opening = await self._dialect.opening(self._receive_first)
        async with self._opened(opening) as stream:
            bind_session(stream.started.started.session_id)
            log.info("session started", replica=stream.replica)
            self._send_queue.put(stream.started)
            with self._metrics.session():
                work = self._forward_messages(stream), self._receive_responses(stream), self._leave_at_a_pause(stream)
                async with beside(*work):
                    await self._send_queued()

    @asynccontextmanager
    async def _opened(self, opening: ConverseRequest) -> AsyncIterator[ConversationStream]:
        """The conversation that `opening` begins or resumes. A client that asked for checkpoints is given a token."""
        config, token, resume = opening.config, opening.config.resume.checkpoint, None
        if config.HasField("resume"):
            resume = await looked_up(self._checkpoints, token)
            if config.resume.HasField("reply"):
                resume.reply.CopyFrom(config.resume.reply)  # the client knows best what it has played
            config.resume.CopyFrom(resume)
        async with AsyncExitStack() as exits:
            own = None
            if config.checkpoints:
                own = await exits.enter_async_context(resumable(self._checkpoints, self._offer_token))
            else:
                self._token_queued.set()
                self._token_sent.set()
            on_checkpoint = own.keep if own else ignored
            async with self._openings.admission(typed=config.typed_only):
                opened = conversation(self._orchestrators, opening, on_checkpoint, self._metrics.count_resumption)
                stream = await exits.enter_async_context(opened)
            exits.callback(self._openings.freed)
            if resume is not None:
                await use_up(self._checkpoints, token)
                self._metrics.count_resumption(ResumeCause.CLIENT_RETURNED)
            try:
                yield stream
            finally:
                if own and stream.has_ended:
                    own.end()
                elif own:
                    rest = stream.resumption()
                    if rest:
                        own.leave(rest)
                    if resume is not None and not self._token_sent.is_set():
                        await give_back(self._checkpoints, token, rest or resume)

    def _offer_token(self, token: bytes) -> None:
        def messages() -> Iterator[str]:
            yield from self._dialect.events(ConverseResponse(checkpoint=Checkpoint(state=token)))
            self._token_sent.set()  # what was yielded before has been sent

        self._send_queue.put(messages)
        self._token_queued.set()

    async def _end_with_the_edge(self) -> None:
        """Raise `Draining` when the edge stops."""
        await self._stopping.wait()
        raise Draining("this server is about to stop", retry_after=_RESTART_S)

    async def _leave_at_a_pause(self, stream: ConversationStream) -> None:
        """Raise `Draining` when the edge is about to stop and nobody is in the middle of anything."""
        await self._draining.wait()
        await self._token_sent.wait()
        await stream.until_pause()
        raise Draining("this server is about to stop", retry_after=_RESTART_S)

    async def _forward_messages(self, stream: ConversationStream) -> None:
        """Take the client's messages to the orchestrator; one that is invalid is answered, and the session goes on."""
        clock = asyncio.get_running_loop().time
        while True:
            message = await self._receive()
            try:
                for request in self._dialect.requests(message, clock()):
                    await stream.send(request)
            except InvalidEvent as fault:
                self._send_queue.put(fault)

    async def _receive_first(self) -> str | bytes:
        """The client's first message, where nothing can begin without it. Raises `Idle` if it does not come."""
        try:
            async with asyncio.timeout(_OPENING_LIMIT_S):
                return await self._receive()
        except TimeoutError:
            raise Idle(f"no first message came within {_OPENING_LIMIT_S:g} s") from None

    async def _receive(self) -> str | bytes:
        """The client's next message. Raises `WebSocketDisconnect`.

        No limit of its own: uvicorn pings, and the orchestrator ends a conversation with a silent client.
        """
        event = await self._websocket.receive()
        if event["type"] == "websocket.disconnect":
            raise WebSocketDisconnect(event["code"], event.get("reason"))
        text: str | None = event.get("text")
        data: bytes | None = event.get("bytes")
        return text if text is not None else data or b""

    async def _receive_responses(self, stream: ConversationStream) -> None:
        """Take the orchestrator's responses into the send queue. Raises what ends the conversation too soon."""
        async for response in stream:
            self._send_queue.put(response)
        self._send_queue.close()

    async def _send_queued(self) -> None:
        """Send what is in the send queue, until it is closed."""
        with suppress(TimeoutError):
            async with asyncio.timeout(_TOKEN_LIMIT_S):
                await self._token_queued.wait()
        while (entry := await self._send_queue.get()) is not None:
            for message in self._messages(entry):
                await self._send(message)

    def _messages(self, entry: Outgoing) -> Iterator[str]:
        if isinstance(entry, ConverseResponse):
            yield from self._dialect.events(entry)
        elif isinstance(entry, InvalidEvent):
            yield self._dialect.rejection(entry)
        else:
            yield from entry()

    async def _send(self, message: str) -> None:
        with self._client_must_read():
            await self._websocket.send_text(message)

    async def _fail(self, error: MeshError) -> None:
        """Send the client the error that ends its session, and close."""
        log.info("session refused or lost", reason=error.reason, error=error.message, cause=error.cause())
        self._metrics.count_failure(error)
        words = refusals.words(error)
        await self._send(self._dialect.fatal(words, error))
        await self._close(refusals.close_code(error), refusals.close_reason(words))
        self._metrics.count_disconnect()

    async def _close(self, code: int, reason: str = "") -> None:
        with self._client_must_read():
            await self._websocket.close(code, reason)

    @contextmanager
    def _client_must_read(self) -> Iterator[None]:
        """Send something to the client. Raises `ClientTooSlow` or `WebSocketDisconnect` when it cannot be sent."""
        try:
            with self._client_limit:
                yield
        except TimeoutError:
            raise ClientTooSlow from None
        except RuntimeError as closed:
            # Uvicorn closes by itself a client that breaks the protocol or answers no ping, and takes it for a mistake
            # to send then. The session may learn of the close only afterwards.
            raise WebSocketDisconnect(_LOST) from closed
