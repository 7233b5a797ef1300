"""One stream of a windowed engine: audio in, events out, decodings by the dispatcher."""

import asyncio
from collections import deque
from collections.abc import Iterable
from typing import Self

from mesh.audio import FRAME_BYTES, SAMPLE_RATE
from mesh.errors import UpstreamDown, UpstreamMisconfigured
from stt_proxy.engine import Event, Pause
from stt_proxy.windowed.decoder import Decoding, Detector
from stt_proxy.windowed.dispatcher import Dispatcher
from stt_proxy.windowed.languages import SpokenLanguage
from stt_proxy.windowed.schedule import Urgency
from stt_proxy.windowed.transcription import Transcription, Window

_LONGEST_BACKLOG_S = 5.0
"""How far the sender may be ahead of who takes the events."""

_SAMPLE_BYTES = 2


class WindowedRecognizer:
    """A `Recognizer` for one stream. Its owner has the dispatcher forget it at the end."""

    def __init__(self, dispatcher: Dispatcher, detector: Detector, language: SpokenLanguage) -> None:
        self._dispatcher = dispatcher
        self._transcription = Transcription(detector, language, self._ask)
        self._events: deque[Event] = deque()
        self._progress = asyncio.Event()
        """Set when there are events to take, or fewer than before."""
        self._sent_s = 0.0
        self._heard_s = 0.0
        self._finished = False
        self._error: UpstreamDown | UpstreamMisconfigured | None = None

    @property
    def backlog_s(self) -> float:
        """Seconds of audio that were sent and whose events have not been taken."""
        return self._sent_s - self._heard_s

    async def send(self, pcm: bytes) -> None:
        """Give it the next samples, a frame at a time while it keeps up."""
        for start in range(0, len(pcm), FRAME_BYTES):
            await self._room()
            piece = pcm[start : start + FRAME_BYTES]
            self._sent_s += len(piece) / _SAMPLE_BYTES / SAMPLE_RATE
            self._add(self._transcription.feed(piece))

    async def flush(self, flush_id: int) -> None:
        """Ask for the words of everything sent so far."""
        await self._room()
        self._add(self._transcription.flush(flush_id))

    async def finish(self) -> None:
        """Ask for what is left, and for the end of the events."""
        await self._room()
        self._finished = True
        self._add(self._transcription.finish())

    def __aiter__(self) -> Self:
        """The stream's events."""
        return self

    async def __anext__(self) -> Event:
        """The stream's next event."""
        while not self._events:
            if self._error is not None:
                raise self._error
            if self._finished and self._transcription.idle:
                raise StopAsyncIteration
            await self._next_progress()
        event = self._events.popleft()
        if isinstance(event, Pause):
            self._heard_s = event.heard_s
        self._progress.set()
        return event

    def window(self, urgency: Urgency) -> Window | None:
        """What the dispatcher is to have decoded."""
        return self._transcription.window(urgency)

    def decoded(self, window: Window, decoding: Decoding) -> None:
        """Take in what the dispatcher brings."""
        self._add(self._transcription.decoded(window, decoding))

    def failed(self, error: UpstreamDown | UpstreamMisconfigured) -> None:
        """Raise the error where the events are taken, after those that are there."""
        self._error = self._error or error
        self._progress.set()

    def _ask(self, urgency: Urgency) -> None:
        self._dispatcher.ask(self, urgency)

    def _add(self, events: Iterable[Event]) -> None:
        self._events.extend(events)
        self._progress.set()

    async def _room(self) -> None:
        """Wait until the events have been taken and the decoder has caught up."""
        while self.backlog_s > _LONGEST_BACKLOG_S or self._transcription.behind:
            if self._error is not None:
                raise self._error
            await self._next_progress()

    async def _next_progress(self) -> None:
        self._progress.clear()
        await self._progress.wait()
