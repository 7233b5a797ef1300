"""One session: performs what the conversation decides.

Everything that happens (a request, a word, speech, the timer) is told to the core the moment it happens, and what the
core answers is performed before anything else can happen. Both are synchronous: nothing here needs a lock.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from mesh.audio import SAMPLE_RATE, Encoder
from mesh.discovery.search import Replicas
from mesh.errors import Idle
from mesh.tasks import beside
from mesh.times import duration
from orchestrator.conversation import Conversation
from orchestrator.conversation import actions as act
from orchestrator.conversation import events as ev
from orchestrator.conversation.actions import SpeechCause
from orchestrator.recorder import Recorder, Recordings
from orchestrator.session import wire
from orchestrator.session.recognition import Listener
from orchestrator.session.reply import Speaker, Upstreams
from orchestrator.session.send_queue import Outbox
from parley.audio.v1.audio_pb2 import AudioFormat
from parley.conversation.v1 import conversation_pb2 as pb

_TICKS_PER_S = 1_000
"""Of uvloop's clock. A timer that is set between two ticks may fire at the first."""

Write = Callable[[pb.ConverseResponse], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _Reply:
    """A reply that is alive, and the task that makes it."""

    speaker: Speaker
    task: asyncio.Task[None]
    encoder: Encoder
    """Its own: what an encoder's filter holds back of one reply must not be heard in the next."""


class Session:
    """The shell around one `Conversation`: feeds it events, performs its actions, keeps its timer.

    Replies are given in `output_format`. A client that leaves a message unread for `stall_limit_s` is gone.
    """

    def __init__(
        self,
        session_id: str,
        stt: Replicas,
        upstreams: Upstreams,
        output_format: AudioFormat,
        stall_limit_s: float,
        *,
        recordings: Recordings,
    ) -> None:
        self.session_id = session_id
        self.listener = Listener(stt, session_id, self.tell, self.warn)
        self._conversation = Conversation()
        self._outbox = Outbox()
        self._upstreams = upstreams
        self._output_format = output_format
        self._stall_limit_s = stall_limit_s
        self._replies: dict[str, _Reply] = {}
        self._clock = asyncio.get_running_loop().time
        self._started = self._clock()
        self.recorder = Recorder(recordings, session_id, self._now)
        self._deadline: float | None = None
        self._deadline_moved = asyncio.Event()
        self._paused_at: float | None = None

    # --- what the rest of the session uses ------------------------------------------------------------------------

    def tell(self, event: ev.Event, request_id: str | None = None) -> None:
        """Tell the core what has happened, and do what it says. What `request_id` causes carries it."""
        now = self._now()
        if request_id is not None:
            self._do_what_is_due(now)  # it was not caused by the request
        actions = self._conversation.handle(event, now)
        self._perform(actions, request_id)
        self.recorder.step(now, event, actions)

    def configure(self, config: pb.SessionConfig, event: ev.SessionConfigured, request_id: str | None = None) -> None:
        """Change the session as the client asks with `config`, which `event` is to the core."""
        self.recorder.heed(config, self._conversation.state)
        self.tell(event, request_id)

    def send(self, response: pb.ConverseResponse, request_id: str | None = None) -> None:
        """Send the client a message."""
        if request_id is not None:
            response.request_id = request_id
        self._outbox.put(response)

    def warn(self, reason: str, message: str) -> None:
        """Tell the client of trouble that the conversation survives."""
        self.recorder.warned(reason, message)
        self.send(wire.warning(reason, message))

    async def run(self, write: Write, *work: Coroutine[Any, Any, None]) -> None:
        """Hold the conversation until it ends, running `work` beside it; raises what ends it badly."""
        with self._upstreams.metrics.conversation():
            async with beside(self._keep_time(), *work) as self._tasks:
                await self._deliver(write)

    # --- time -----------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        return self._clock() - self._started

    async def _keep_time(self) -> None:
        """The session's one timer."""
        while True:
            deadline = self._deadline
            self._deadline_moved.clear()
            try:
                async with asyncio.timeout_at(None if deadline is None else _next_tick(self._started + deadline)):
                    await self._deadline_moved.wait()
            except TimeoutError:
                # Never the least bit early: there would be nothing to do yet, again and again until the next tick.
                self._do_what_is_due(max(self._now(), deadline or 0.0))

    def _do_what_is_due(self, now: float) -> None:
        actions = self._conversation.handle_timeout(now)
        self._perform(actions)
        self.recorder.step(now, None, actions)

    # --- actions --------------------------------------------------------------------------------------------------

    def _perform(self, actions: list[act.Action], request_id: str | None = None) -> None:
        for action in actions:
            match action:
                case act.PrepareReply():
                    self._prepare(action)
                case act.ReleaseAudio():
                    self._release(action)
                case act.CancelReply(reply_id=reply_id, cause=cause):
                    self._upstreams.metrics.reply_cancelled(cause)
                    self._outbox.drop(reply_id)
                    self._replies.pop(reply_id).task.cancel()
                case act.ReplyFinished(reply_id=reply_id):
                    self._replies.pop(reply_id).task.cancel()  # one that says nothing may be looking for a voice
                case act.RequestFlush(flush_id=flush_id):
                    self.listener.flush(flush_id)
                case act.SpeechStopped(cause=SpeechCause.DETECTED):
                    self._paused_at = self._now()
                case act.SpeechStarted() | act.TurnDiscarded():
                    self._paused_at = None
            if news := wire.response(action):
                self.send(news, request_id)
            if isinstance(action, act.EndConversation):
                self._outbox.close()
        if self._conversation.deadline != self._deadline:
            self._deadline = self._conversation.deadline
            self._deadline_moved.set()

    def _prepare(self, order: act.PrepareReply) -> None:
        speaker = Speaker(order, self._upstreams, self.session_id, self.tell, self.warn)
        task = self._tasks.create_task(speaker.run(), name=order.reply_id)
        self._replies[order.reply_id] = _Reply(speaker, task, Encoder(self._output_format))

    def _release(self, action: act.ReleaseAudio) -> None:
        reply = self._replies[action.reply_id]
        pcm = reply.speaker.speech.take(action.samples)
        self.recorder.audio(action.reply_id, action.start, pcm)
        audio = pb.ReplyAudio(
            reply_id=action.reply_id,
            audio=reply.encoder.encode(pcm),
            start_offset=duration(action.start / SAMPLE_RATE),
        )
        self._outbox.put(pb.ConverseResponse(reply_audio=audio), reply_id=action.reply_id)
        if self._paused_at is not None:
            self._upstreams.metrics.voice_to_voice.observe(self._now() - self._paused_at)
            self._paused_at = None

    async def _deliver(self, write: Write) -> None:
        """Send what is in the outbox until it is closed."""
        while (response := await self._outbox.get()) is not None:
            try:
                async with asyncio.timeout(self._stall_limit_s):
                    await write(response)
            except TimeoutError as error:
                raise Idle("the client does not read what it is sent") from error


def _next_tick(at: float) -> float:
    return math.ceil(at * _TICKS_PER_S) / _TICKS_PER_S
