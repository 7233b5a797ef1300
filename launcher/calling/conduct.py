"""A whole call: the question is said, the answers are heard, and at some point it is over."""

import asyncio
from collections.abc import Callable

from launcher.calling.events import Event, ReplyAudio, ReplyStarted, Samples
from launcher.calling.line import CallFailed, Line
from launcher.calling.microphone import Microphone
from launcher.calling.progress import Progress
from launcher.exit_codes import ExitCode
from launcher.failure import Failure
from mesh.tasks import beside

# A mesh that leaves the microphone unread for longer has stalled.
_SEND_TIMEOUT_S = 10.0

# How long the last words of a mesh that has ended the call may take to arrive.
_LAST_WORDS_S = 1.0


class NothingHeard(Failure):
    """The mesh did not answer in time."""

    exit_code = ExitCode.NO_REPLY


class Call:
    """One call over `line`: says `question` in real time, then listens until `turns` replies were heard to their end.

    Every event goes to `hear`.
    """

    def __init__(self, line: Line, question: Samples, turns: int, hear: Callable[[Event], None]) -> None:
        self._line = line
        self._microphone = Microphone(question)
        self._turns = turns
        self._progress = Progress(turns)
        self._hear = hear
        self._over = asyncio.Event()
        self._asked_at: float | None = None
        self._answered_at: float | None = None

    @property
    def answered_after_s(self) -> float | None:
        """Seconds from the end of the question to the first audio of the last reply; None without both."""
        if self._asked_at is None or self._answered_at is None:
            return None
        return self._answered_at - self._asked_at

    async def hold(self, timeout_s: float) -> None:
        """Hold the call. Raises `CallFailed`, or `NothingHeard` when it is not over `timeout_s` after the question."""
        async with beside(self._speak(), self._listen()):
            await self._microphone.played_out.wait()
            self._asked_at = _now()
            self._progress.played_out()
            self._note_progress()
            try:
                async with asyncio.timeout(timeout_s):
                    await self._over.wait()
            except TimeoutError:
                raise NothingHeard(self._complaint(timeout_s)) from None

    async def _speak(self) -> None:
        async for frame in self._microphone.frames(self._line.frame_samples):
            try:
                async with asyncio.timeout(_SEND_TIMEOUT_S):
                    await self._line.send(frame)
            except TimeoutError:
                raise CallFailed("the mesh has stopped taking audio") from None
            except CallFailed:
                # Who listens may still hear why.
                await asyncio.sleep(_LAST_WORDS_S)
                raise

    async def _listen(self) -> None:
        async for event in self._line.events():
            self._hear(event)
            self._progress.note(event)
            if isinstance(event, ReplyStarted):
                self._answered_at = None
            elif isinstance(event, ReplyAudio) and self._answered_at is None:
                self._answered_at = _now()
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


def _now() -> float:
    return asyncio.get_running_loop().time()
