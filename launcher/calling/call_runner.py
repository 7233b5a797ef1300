"""A whole call: the question is played, the replies are heard, and the call ends when nothing more is to come."""

import asyncio
from collections.abc import Callable

from launcher.calling.audio import Microphone
from launcher.calling.transport import (
    CallFailed,
    Event,
    ReplyAudio,
    ReplyEnded,
    ReplyStarted,
    Samples,
    Transport,
    UserSpeechStarted,
    UserTurnDiscarded,
    UserWord,
)
from launcher.failure import ExitCode, Failure
from mesh.tasks import beside
from mesh.times import loop_time


class CallProgress:
    """A call in which `turns` replies are to be heard.

    A pause in what the caller says may draw a reply that the rest of it cuts short; so only replies that were heard to
    their end count, and the call is not over while the mesh still owes an answer to something it noticed.
    """

    def __init__(self, turns: int) -> None:
        self.replies = 0
        self._turns = turns
        self._played_out = False
        self._owed = False
        self._replying = False

    @property
    def over(self) -> bool:
        """Whether nothing more is to be expected."""
        return self._played_out and self.replies >= self._turns and not (self._owed or self._replying)

    def played_out(self) -> None:
        """Everything the caller has to say has been sent."""
        self._played_out = True

    def apply(self, event: Event) -> None:
        """Count the event."""
        match event:
            case UserSpeechStarted() | UserWord():
                self._owed = True
            case UserTurnDiscarded():
                self._owed = False
            case ReplyStarted():
                self._owed, self._replying = False, True
            case ReplyEnded(complete=True):
                self._owed = self._replying = False
                self.replies += 1
            case ReplyEnded(complete=False):
                self._replying = False
            case _:
                pass


# A mesh that leaves the microphone unread for longer has stalled.
_SEND_TIMEOUT_S = 10.0

# How long the last words of a mesh that has ended the call may take to arrive.
_LAST_WORDS_S = 1.0


class NoReply(Failure):
    """The mesh did not answer in time."""

    exit_code = ExitCode.NO_REPLY


class CallRunner:
    """One call over `transport`: plays `question` in real time, then listens until `turns` replies have ended.

    Every event goes to `on_event`.
    """

    def __init__(self, transport: Transport, question: Samples, turns: int, on_event: Callable[[Event], None]) -> None:
        self._transport = transport
        self._microphone = Microphone(question)
        self._turns = turns
        self._progress = CallProgress(turns)
        self._on_event = on_event
        self._over = asyncio.Event()
        self._asked_at: float | None = None
        self._answered_at: float | None = None

    @property
    def answered_after_s(self) -> float | None:
        """Seconds from the end of the question to the first audio of the last reply; None without both."""
        if self._asked_at is None or self._answered_at is None:
            return None
        return self._answered_at - self._asked_at

    async def run(self, timeout_s: float) -> None:
        """Run the call. Raises `CallFailed`, or `NoReply` when it is not over `timeout_s` after the question."""
        async with beside(self._speak(), self._listen()):
            await self._microphone.played_out.wait()
            self._asked_at = loop_time()
            self._progress.played_out()
            self._note_progress()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._over.wait()
            except TimeoutError:
                raise NoReply(self._complaint(timeout_s)) from None

    async def _speak(self) -> None:
        async for frame in self._microphone.frames(self._transport.frame_samples):
            try:
                async with asyncio.timeout(_SEND_TIMEOUT_S):
                    await self._transport.send(frame)
            except TimeoutError:
                raise CallFailed("the mesh has stopped taking audio") from None
            except CallFailed:
                # Who listens may still hear why.
                await asyncio.sleep(_LAST_WORDS_S)
                raise

    async def _listen(self) -> None:
        async for event in self._transport.events():
            self._on_event(event)
            self._progress.apply(event)
            if isinstance(event, ReplyStarted):
                self._answered_at = None
            elif isinstance(event, ReplyAudio) and self._answered_at is None:
                self._answered_at = loop_time()
            self._note_progress()
        if not self._progress.over:
            raise CallFailed("the mesh ended the conversation early")

    def _note_progress(self) -> None:
        if self._progress.over:
            self._over.set()

    def _complaint(self, timeout_s: float) -> str:
        replies = self._progress.replies
        if replies:
            return f"{replies} of {self._turns} replies were heard within {timeout_s:g} s after the question"
        return (
            f"no reply was heard within {timeout_s:g} s after the question."
            " Was it understood? A longer time-out is given by --timeout"
        )
