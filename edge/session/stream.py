"""A `Converse` stream that survives its orchestrator.

The orchestrator sends checkpoints. When its stream is lost, or it is about to stop, the conversation goes on at another
replica, from the last checkpoint and with what was said and sent since. The session that uses the stream sees none of
that: it reads events whose ids go on, and sends requests.
"""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Callable, Iterable
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from enum import StrEnum

import grpc
import structlog
from grpc.aio import Channel, StreamStreamMultiCallable

from edge.session.unconfirmed import SeenEvents, SentRequests
from mesh.discovery.search import SEARCHING_SERVICE, Admission, Replicas, admitted
from mesh.errors import InvalidRequest, MeshError, UpstreamDown
from mesh.pool import Backoff
from mesh.process.silence import PeerSilence
from mesh.tasks import beside
from mesh.times import loop_time, seconds
from parley.conversation.v1.conversation_pb2 import Checkpoint, ConverseRequest, ConverseResponse, GoAway, Resume
from parley.conversation.v1.conversation_pb2_grpc import ConversationServiceStub

_RESUME_LIMIT_S = 10.0
"""How long another replica is sought for a conversation that was lost. A process that restarts needs half of it."""

_FIRST_PAUSE_S, _LONGEST_PAUSE_S = 0.05, 0.5
"""The pauses between two searches; they double from the first to the longest."""

_MOST_LOSSES, _LOSSES_WITHIN_S = 3, 60.0
"""A conversation that was lost more often than this is given up: it may be what its orchestrators fail on."""

_MOVE_AGAIN_S = 1.0
"""The least time between two attempts to leave a replica that is about to stop."""

_HURRY_S = 4.0
"""How long before a replica stops a conversation leaves it even if somebody speaks."""

_LOST = frozenset(
    {
        grpc.StatusCode.UNAVAILABLE,
        grpc.StatusCode.INTERNAL,
        grpc.StatusCode.CANCELLED,
        grpc.StatusCode.UNKNOWN,
    }
)
"""How a stream ends whose conversation may go on elsewhere."""

_log = structlog.get_logger()

Stream = Admission[ConverseRequest, ConverseResponse]


class ResumeCause(StrEnum):
    """Why a conversation had to go on elsewhere."""

    ORCHESTRATOR_LOST = "orchestrator_lost"
    ORCHESTRATOR_STOPS = "orchestrator_stops"
    CLIENT_RETURNED = "client_returned"
    """The client had lost its connection, or its edge."""


class ConversationStream:
    """One conversation, on one replica after the other. Iterate over it for what comes after `started`.

    One task reads, one sends. `on_checkpoint` is called with each checkpoint, which the reader does not get, and
    `on_resumed` whenever another replica has taken the conversation.
    """

    started: ConverseResponse
    """The first response of the first replica."""

    def __init__(
        self,
        orchestrators: Replicas,
        opening: ConverseRequest,
        on_checkpoint: Callable[[Checkpoint], None],
        on_resumed: Callable[[ResumeCause], None],
    ) -> None:
        self._orchestrators = orchestrators
        self._opening = opening
        self._opening.config.checkpoints = True
        self._on_checkpoint = on_checkpoint
        self._on_resumed = on_resumed
        self._stream: Stream | None = None
        """The present one. None: another is being opened, and requests wait."""
        self._exits = AsyncExitStack()
        """Closes the present stream."""
        self._seen = SeenEvents()
        self._silence = PeerSilence(lambda: not self._seen.is_pause)
        """How long nothing has come although something is in progress."""
        self._losses: deque[float] = deque()
        self._leave_by: float | None = None
        """When the present replica stops."""
        self._move_at = 0.0
        """When it may be left, at a pause."""
        self._leaving = asyncio.Event()
        self._pause = asyncio.Event()
        """Set while neither side has anything in progress."""
        self._pause.set()

    async def open(self) -> None:
        """Have a replica admit the conversation. Raises what `admitted` does."""
        async with AsyncExitStack() as exits:
            stream = await self._admitted(exits, self._opening)
            self._exits = exits.pop_all()
        self.started, self._stream = stream.started, stream
        started = stream.started.started
        self._sent = SentRequests(started.input_format, seconds(started.audio_offset))

    async def close(self) -> None:
        """End the present stream."""
        self._stream = None
        await self._exits.aclose()

    @property
    def replica(self) -> str:
        """Where the conversation is."""
        return self._stream.replica if self._stream else ""

    async def send(self, request: ConverseRequest) -> None:
        """Send a request, now or when there is a replica again. Never fails: the reader is told of a lost stream."""
        self._sent.add(request)
        if self._stream is not None:
            await self._send_all(self._sent.take_unsent(), self._stream)

    @property
    def has_ended(self) -> bool:
        """Whether it came to its end, as the orchestrator said."""
        return self._seen.ended

    def resumption(self) -> Resume | None:
        """What it takes to go on when the client is back; None: there is no checkpoint.

        The client sends the microphone again from where words are certain: what it has said after that goes with us.
        """
        if self._seen.checkpoint is None:
            return None
        return self._seen.resume(self._sent.certain, self.started.started.output_format)

    async def until_pause(self) -> None:
        """Wait until neither side has anything in progress."""
        await self._pause.wait()

    async def __aiter__(self) -> AsyncIterator[ConverseResponse]:
        while True:
            try:
                async for response in self._received():
                    yield response
                if self._seen.ended:
                    return
            except MeshError as error:
                if not await self._replaced(error):
                    raise

    async def _received(self) -> AsyncIterator[ConverseResponse]:
        """What comes from the present replica. It ends with the conversation, or when another replica has taken it."""
        stream = self._stream
        if stream is None:
            raise UpstreamDown("the conversation has no replica")
        async for response in stream:
            self._silence.broken()
            if self._seen.repeats(response):
                continue
            self._seen.note(response)
            if self._seen.is_pause:
                self._pause.set()
            else:
                self._pause.clear()
            match response.WhichOneof("event"):
                case "checkpoint":
                    self._sent.confirm(response.checkpoint)
                    self._on_checkpoint(response.checkpoint)
                case "go_away":
                    self._go_away(response.go_away)
                case "user_word_recognized":
                    self._sent.confirm_audio(seconds(response.user_word_recognized.end_offset))
                    yield response
                case _:
                    yield response
            if self._seen.ended or (self._leave_by is not None and await self._moved(stream)):
                return
        raise UpstreamDown("the conversation broke off")

    async def _send_all(self, requests: Iterable[ConverseRequest], stream: Stream) -> None:
        """Send them. A stream that is lost is the reader's affair: perhaps it has ended with a goodbye."""
        with suppress(MeshError):
            for request in requests:
                await stream.send(request)

    async def _catch_up(self, stream: Stream) -> None:
        """Send `stream` what has waited, and make it the present one."""
        while unsent := self._sent.take_unsent():
            await self._send_all(unsent, stream)
        self._stream = stream
        self._sent.thaw()

    # --- to another replica -------------------------------------------------------------------------------------------

    def _go_away(self, event: GoAway) -> None:
        self._leave_by = loop_time() + seconds(event.time_left)
        self._leaving.set()
        _log.info("the orchestrator is about to stop", reason=event.reason)

    async def hurry(self) -> None:
        """End the present stream when its replica is about to stop, wherever the conversation stands."""
        while True:
            await self._leaving.wait()
            self._leaving.clear()
            stream, leave_by = self._stream, self._leave_by
            if stream is None or leave_by is None:
                continue
            await asyncio.sleep(max(0.0, leave_by - _HURRY_S - loop_time()))
            if stream is self._stream:
                _log.info("leaving the orchestrator in the middle")
                stream.cancel()

    async def notice_hang(self) -> None:
        """End the present stream when its replica's process hangs, or is cut off, in a turn or a reply.

        It takes another replica: a conversation waits for the only one that there is.
        """
        while True:
            await self._silence.until_hung(self._is_there, self._patience)
            if stream := self._stream:
                _log.warning("the orchestrator does not answer", replica=stream.replica)
                stream.cancel()
            self._silence.broken()

    def _patience(self) -> float:
        self._forget_losses()
        return 2.0 ** len(self._losses)

    def _forget_losses(self) -> None:
        while self._losses and self._losses[0] < loop_time() - _LOSSES_WITHIN_S:
            self._losses.popleft()

    async def _is_there(self, within_s: float) -> bool:
        stream = self._stream
        if stream is None or not self._orchestrators.has_another:
            return True
        answers = await self._orchestrators.answers(stream.replica, within=within_s)
        return answers or stream is not self._stream  # another one has taken its place meanwhile

    async def _moved(self, old: Stream) -> bool:
        """Leave the `old` stream for another replica, if this is a pause and there is one.

        What the old one still sends is dropped: the new one is given everything that it was, since the checkpoint.
        """
        if not self._seen.is_pause or self._seen.checkpoint is None or loop_time() < self._move_at:
            return False
        self._move_at = loop_time() + _MOVE_AGAIN_S
        self._stream = None  # requests wait
        try:
            async with AsyncExitStack() as exits:
                new = await self._admitted(exits, self._resumed())
                exits_of_new = exits.pop_all()
        except MeshError as error:
            _log.info("no other orchestrator takes the conversation", reason=error.reason, error=error.message)
            await self._catch_up(old)
            return False
        await self._exits.aclose()
        await self._go_on(new, exits_of_new)
        return True

    async def _replaced(self, loss: MeshError) -> bool:
        """Find another replica after a `loss`; False: the conversation cannot go on.

        The loss is not raised here: it would hold this frame, which holds it, until a garbage collection.
        """
        self._stream = None
        await self._exits.aclose()
        now = loop_time()
        self._forget_losses()
        self._losses.append(now)
        if loss.code not in _LOST or self._seen.checkpoint is None or len(self._losses) > _MOST_LOSSES:
            return False
        _log.warning("the orchestrator was lost", reason=loss.reason, error=loss.message, cause=loss.cause())
        pauses = Backoff(_FIRST_PAUSE_S, _LONGEST_PAUSE_S)
        while True:
            try:
                async with AsyncExitStack() as exits:
                    new = await self._admitted(exits, self._resumed())
                    exits_of_new = exits.pop_all()
                break
            except InvalidRequest as refusal:
                _log.warning("the conversation cannot be resumed", reason=refusal.reason, error=refusal.message)
                return False
            except MeshError:
                if loop_time() - now > _RESUME_LIMIT_S:
                    return False
                await asyncio.sleep(pauses.pause())
        await self._go_on(new, exits_of_new)
        return True

    async def _go_on(self, stream: Stream, exits: AsyncExitStack) -> None:
        """Make `stream` the present one, and send it what the one before had not confirmed."""
        stops = self._leave_by is not None
        self._on_resumed(ResumeCause.ORCHESTRATOR_STOPS if stops else ResumeCause.ORCHESTRATOR_LOST)
        self._exits, self._leave_by = exits, None
        _log.info("the conversation goes on", replica=stream.replica)
        self._sent.restart()
        await self._catch_up(stream)

    def _resumed(self) -> ConverseRequest:
        """The request that opens the conversation again."""
        first = self._opening.config
        request = ConverseRequest()
        request.config.typed_only, request.config.checkpoints = first.typed_only, True
        request.config.input_format.CopyFrom(first.input_format)
        request.config.output_format.CopyFrom(first.output_format)
        request.config.resume.CopyFrom(self._seen.resume(self._sent.freeze(), self.started.started.output_format))
        return request

    async def _admitted(self, exits: AsyncExitStack, opening: ConverseRequest) -> Stream:
        return await exits.enter_async_context(
            admitted(self._orchestrators, _converse_method, opening, SEARCHING_SERVICE)
        )


def ignored(_checkpoint: Checkpoint) -> None:
    """For a client that does not want checkpoints."""


@asynccontextmanager
async def conversation(
    orchestrators: Replicas,
    opening: ConverseRequest,
    on_checkpoint: Callable[[Checkpoint], None],
    on_resumed: Callable[[ResumeCause], None],
) -> AsyncIterator[ConversationStream]:
    """A conversation that a replica has admitted; it is hung up on leaving, if it has not ended."""
    stream = ConversationStream(orchestrators, opening, on_checkpoint, on_resumed)
    await stream.open()
    try:
        async with beside(stream.hurry(), stream.notice_hang()):
            yield stream
    finally:
        await stream.close()


def _converse_method(channel: Channel) -> "StreamStreamMultiCallable[ConverseRequest, ConverseResponse]":
    return ConversationServiceStub(channel).Converse
