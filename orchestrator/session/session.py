"""One session: performs what the conversation decides.

Everything that happens (a request, a word, speech, the timer) goes to the core the moment it happens, and the core's
actions are performed before anything else can happen. Both are synchronous: nothing here needs a lock.
"""

import asyncio
import math
from collections.abc import Awaitable, Callable, Coroutine, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, assert_never

from mesh.audio import SAMPLE_RATE, Encoder
from mesh.discovery.search import Replicas
from mesh.errors import Draining, MeshError
from mesh.limits import RepeatedLimit
from mesh.tasks import beside
from mesh.times import duration
from orchestrator.conversation import Conversation
from orchestrator.conversation import actions as act
from orchestrator.conversation import events as ev
from orchestrator.conversation.actions import SpeechCause
from orchestrator.recorder import Recorder, Recordings
from orchestrator.session import wire
from orchestrator.session.audio_output import ReplyAudioOutput
from orchestrator.session.checkpoints import Checkpoints, Snapshot
from orchestrator.session.options import SessionOptions
from orchestrator.session.recognition import RecognitionClient
from orchestrator.session.reply import ReplyTask, Upstreams
from orchestrator.session.send_queue import ClientNotReading, SendQueue
from parley.audio.v1.audio_pb2 import AudioFormat
from parley.conversation.v1 import conversation_pb2 as pb

_TICKS_PER_S = 1_000
"""Ticks of uvloop's clock. A timer set between two ticks may fire at the earlier one."""

_LINGER_S = 0.25
"""How long requests are still read, and ignored, after the last message.

Where a call ends while its client is sending, gRPC's client reports an error of its own and loses what it has not read.
"""

_WRITTEN_DOWN = (
    act.SpeechStartedNotice,
    act.TurnEndedNotice,
    act.TurnDiscardedNotice,
    act.PrepareReply,
    act.ConfirmSpeculativeReply,
    act.ReplyTextDoneNotice,
    act.CancelReply,
    act.ReplyFinishedNotice,
)
"""After these the conversation must not be found where it was before: ids were given, or something was said."""

Write = Callable[[pb.ConverseResponse], Awaitable[None]]


@dataclass(frozen=True, slots=True)
class _LivingReply:
    """A reply that has not ended, and the asyncio task that produces it."""

    reply: ReplyTask
    task: asyncio.Task[None]
    output: ReplyAudioOutput
    """One for each reply: the samples that its filter holds back must not be heard in the next reply."""


class Session:
    """The shell around one `Conversation`: feeds it events, performs its actions, keeps its timer.

    Replies are given in `output_format`. A client that leaves a message unread for `stall_limit_s` is gone.
    A recogniser that is sent no audio for `unused_limit_s` is given back.
    """

    def __init__(
        self,
        session_id: str,
        stt: Replicas,
        upstreams: Upstreams,
        output_format: AudioFormat,
        stall_limit_s: float,
        *,
        options: SessionOptions,
        recordings: Recordings,
        metadata: Mapping[str, str],
        unused_limit_s: float,
        resumed: Snapshot | None = None,
        position: int = 0,
    ) -> None:
        """`resumed` is where the conversation goes on, with the microphone from the sample `position` on."""
        self.session_id = session_id
        self.recognition = RecognitionClient(
            stt, session_id, self.notify, self.warn, unused_limit_s=unused_limit_s, start=position
        )
        self.recognition.acted_on = resumed.acted_on if resumed else 0
        self.requests = 0
        """How many requests were taken that are not audio."""
        self.checkpoints: Checkpoints | None = None
        """Set if the client wants checkpoints."""
        self._conversation = Conversation(resumed.state if resumed else None)
        self._is_restored = resumed is not None
        """The core's state is that of another session until it is given `ConversationResumed`."""
        self._waiting: list[tuple[ev.Event, str | None]] = []
        """What happens before that."""
        self._send_queue = SendQueue()
        self._upstreams = upstreams
        self._options = options
        self._output_format = output_format
        self._stall_limit_s = stall_limit_s
        self._replies: dict[str, _LivingReply] = {}
        self._clock = asyncio.get_running_loop().time
        self._started = self._clock() - (resumed.now if resumed else 0.0)
        self._metadata = metadata
        over = resumed is not None and resumed.recording_over
        self.recorder = Recorder(recordings, session_id, self._now, metadata, over=over)
        self._deadline: float | None = None
        self._loop = asyncio.get_running_loop()
        self._timer: asyncio.TimerHandle | None = None
        self._timer_at = math.inf
        """When it fires, in seconds of the session."""
        self._timer_fired = asyncio.Event()
        self._paused_at: float | None = None
        self._ends_early: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    # --- what the rest of the session uses ------------------------------------------------------------------------

    def notify(self, event: ev.Event, request_id: str | None = None) -> None:
        """Give the core an event and perform its actions. Messages that `request_id` causes carry it."""
        if self._is_restored:
            # Its actions could be about a reply that has a task in the other session only.
            self._waiting.append((event, request_id))
            return
        now = self._now()
        if request_id is not None:
            self._do_what_is_due(now)  # it was not caused by the request
        actions = self._conversation.handle(event, now)
        self._perform(actions, request_id)
        self.recorder.record_step(now, event, actions)

    def configure(self, config: pb.SessionConfig, event: ev.SessionConfigured, request_id: str | None = None) -> None:
        """Change the session as the client asks with `config`; `event` is what the core is given of it."""
        self.recognition.set_language(self._options.language)
        self.recorder.apply_config(config, self._conversation.state)
        self.notify(event, request_id)

    def send(self, response: pb.ConverseResponse, request_id: str | None = None) -> None:
        """Send the client a message."""
        if request_id is not None:
            response.request_id = request_id
        self._send_queue.put(response)

    def warn(self, reason: str, message: str) -> None:
        """Send the client a warning: something failed, and the conversation goes on."""
        self.recorder.record_warning(reason, message)
        self.send(wire.warning(reason, message))

    async def begin(self, resumed: ev.ConversationResumed | None) -> None:
        """Go on, if the conversation is `resumed`, and send the first checkpoint."""
        if resumed:
            self._is_restored = False
            self.notify(resumed)
            for event, request_id in self._waiting:
                self.notify(event, request_id)
            self._waiting.clear()
        self.send_checkpoint()

    def send_checkpoint(self) -> None:
        """Send the client where the conversation stands, if it wants to know."""
        if self.checkpoints is None:
            return
        snapshot = Snapshot(
            session_id=self.session_id,
            now=self._now(),
            state=self._conversation.state,
            session=self._options.as_given(),
            metadata=dict(self._metadata),
            certain=self.recognition.certain,
            acted_on=self.recognition.acted_on,
            recording_over=self.recorder.has_begun,
        )
        checkpoint = pb.Checkpoint(
            state=self.checkpoints.written(snapshot),
            audio_offset=duration(self.recognition.certain / SAMPLE_RATE),
            requests=self.requests,
        )
        self._upstreams.metrics.checkpoints.inc()
        self.send(pb.ConverseResponse(checkpoint=checkpoint))

    async def run(self, write: Write, requests: Coroutine[Any, Any, None], *work: Coroutine[Any, Any, None]) -> None:
        """Hold the conversation until it ends, with `work` running beside it; `requests` reads what the client asks.

        Raises the error that ends it, if one does: a failure of `requests` or `work`, or `ClientNotReading`.
        """
        with self._upstreams.metrics.conversation():
            async with beside(self._keep_time(), self._end_early(), *work) as self._tasks:
                reading = self._tasks.create_task(requests)
                await self._deliver(write)
                await asyncio.wait([reading], timeout=_LINGER_S)

    def go_away(self, time_left: float) -> None:
        """Ask the client to go on elsewhere within so many seconds, if it can."""
        if self.checkpoints:
            self.send(
                pb.ConverseResponse(go_away=pb.GoAway(time_left=duration(time_left), reason=Draining.default_reason))
            )

    def end_early(self, error: MeshError) -> None:
        """End the conversation with `error`."""
        if not self._ends_early.done():
            self._ends_early.set_exception(error)

    async def _end_early(self) -> None:
        try:
            await self._ends_early
        finally:
            self._ends_early.cancel()

    # --- time -----------------------------------------------------------------------------------------------------

    def _now(self) -> float:
        return self._clock() - self._started

    async def _keep_time(self) -> None:
        """Do what the session's one timer says is due."""
        try:
            while True:
                self._timer_fired.clear()
                self._set_timer()
                await self._timer_fired.wait()
                self._timer_at = math.inf
                deadline = self._deadline
                # Most events put the deadline off, which leaves the timer as it is.
                if deadline is None or self._now() < deadline - 1 / _TICKS_PER_S:
                    continue
                # The timer may fire a moment before the deadline. The core would then find nothing due, and this loop
                # would spin until the deadline has passed. So the core is given the deadline itself.
                self._do_what_is_due(max(self._now(), deadline))
        finally:
            if self._timer:
                self._timer.cancel()

    def _set_timer(self) -> None:
        """Have the timer fire at the deadline, or before."""
        if self._deadline is None or self._deadline >= self._timer_at:
            return
        if self._timer:
            self._timer.cancel()
        self._timer_at = self._deadline
        at = _next_tick(self._started + self._deadline)
        self._timer = self._loop.call_at(at, self._timer_fired.set)

    def _do_what_is_due(self, now: float) -> None:
        actions = self._conversation.handle_timeout(now)
        self._perform(actions)
        self.recorder.record_step(now, None, actions)

    # --- actions --------------------------------------------------------------------------------------------------

    def _perform(self, actions: list[act.Action], request_id: str | None = None) -> None:
        for action in actions:
            self._perform_one(action)
            if message := wire.response(action):
                self.send(message, request_id)
            if isinstance(action, act.EndConversation):
                self._send_queue.close()
        if self.checkpoints and any(map(self._is_written_down, actions)):
            self.send_checkpoint()
        if self._conversation.deadline != self._deadline:
            self._deadline = self._conversation.deadline
            self._set_timer()

    def _is_written_down(self, action: act.Action) -> bool:
        if isinstance(action, act.UserWordNotice):
            return self._conversation.state.turn is None  # It came too late, and belongs to a turn that is over.
        return isinstance(action, _WRITTEN_DOWN)

    def _perform_one(self, action: act.Action) -> None:
        """Do the shell's part of an action. `_perform` sends the client its message afterwards."""
        match action:
            case act.PrepareReply():
                self._prepare(action)
            case act.ConfirmSpeculativeReply(speculative_id=speculative_id, reply_id=reply_id):
                speculative = self._replies.pop(speculative_id)
                self._replies[reply_id] = _LivingReply(speculative.reply, speculative.task, self._output(reply_id))
                speculative.reply.confirm(reply_id)
            case act.DropSpeculativeReply(reply_id=reply_id, words=words):
                self._upstreams.metrics.speculative_replies_dropped.inc()
                dropped = self._replies.pop(reply_id)
                dropped.task.cancel()
                self._upstreams.metrics.speculative_words_dropped.inc(dropped.reply.words_shown + words)
            case act.ResumeSynthesis(reply_id=reply_id, at=at):
                self._replies[reply_id].reply.resume_synthesis(at)
            case act.ResumeText(reply_id=reply_id):
                self._replies[reply_id].reply.resume_text(action)
            case act.AbandonText(reply_id=reply_id):
                self._replies[reply_id].reply.abandon_text()
            case act.WarnOfLostVoice():
                self.warn("TTS_FAILED", "I have lost my voice for a moment.")
            case act.ReleaseAudio():
                self._release(action)
            case act.CancelReply(reply_id=reply_id, cause=cause):
                self._upstreams.metrics.reply_cancelled(cause)
                self._send_queue.drop(reply_id)
                if cancelled := self._replies.pop(reply_id, None):  # there is none for a reply of another process
                    cancelled.output.drop()
                    cancelled.task.cancel()
            case act.RequestFlush(flush_id=flush_id):
                self.recognition.flush(flush_id)
            case act.ReplyFinishedNotice(reply_id=reply_id):
                if finished := self._replies.pop(reply_id, None):  # there is none for a reply of another process
                    finished.task.cancel()  # a reply without text may still be searching for a synthesis
            case act.ReplyHeldNotice(reply_id=reply_id) | act.ReplyReleasedNotice(reply_id=reply_id):
                if living := self._replies.get(reply_id):
                    living.output.flush()
            case act.SpeechStoppedNotice(cause=cause):
                if cause is SpeechCause.DETECTED:
                    self._paused_at = self._now()
            case act.SpeechStartedNotice() | act.TurnDiscardedNotice():
                self._paused_at = None
            case (
                act.EndConversation()
                | act.UserWordNotice()
                | act.UserPartialNotice()
                | act.TurnEndedNotice()
                | act.TurnRestoredNotice()
                | act.ReplyTextNotice()
                | act.ReplyTextDoneNotice()
                | act.ReplyWordNotice()
                | act.ReplyResumedNotice()
            ):
                pass  # these are only messages to the client
            case _:
                assert_never(action)

    def _prepare(self, order: act.PrepareReply) -> None:
        if order.speculative:
            self._upstreams.metrics.speculative_replies.inc()
        reply = ReplyTask(
            order,
            self._upstreams,
            self.session_id,
            self.notify,
            self.warn,
            apologies=self._options.apologies,
            until_room=self._send_queue.until_short,
        )
        task = self._tasks.create_task(reply.run(), name=order.reply_id)
        self._replies[order.reply_id] = _LivingReply(reply, task, self._output(order.reply_id))

    def _output(self, reply_id: str) -> ReplyAudioOutput:
        put = partial(self._send_queue.put, reply_id=reply_id)
        return ReplyAudioOutput(reply_id, Encoder(self._output_format), put)

    def _release(self, action: act.ReleaseAudio) -> None:
        living = self._replies[action.reply_id]
        pcm = living.reply.audio.take(action.samples)
        self.recorder.record_audio(action.reply_id, action.start, pcm)
        living.output.release(action.start, action.samples, pcm)
        if self._paused_at is not None:
            self._upstreams.metrics.voice_to_voice.observe(self._now() - self._paused_at)
            self._paused_at = None

    async def _deliver(self, write: Write) -> None:
        """Send what is in the queue until it is closed."""
        stall_limit = RepeatedLimit(self._stall_limit_s)
        try:
            while (response := await self._send_queue.get()) is not None:
                with stall_limit:
                    await write(response)
        except TimeoutError as error:
            raise ClientNotReading from error
        finally:
            stall_limit.close()


def _next_tick(at: float) -> float:
    return math.ceil(at * _TICKS_PER_S) / _TICKS_PER_S
