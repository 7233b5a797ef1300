"""A stream of a windowed engine in simulated time: how busy the machine is changes nothing."""

import heapq
import itertools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field

from mesh.audio import FRAME_S
from stt_proxy.engine import Event
from stt_proxy.recognition.detector import SpeechDetector
from stt_proxy.windowed.decoder import Decoding
from stt_proxy.windowed.languages import SpokenLanguage
from stt_proxy.windowed.schedule import Schedule
from stt_proxy.windowed.transcription import Transcription, Window
from tests.stt_proxy.hearing import frames


@dataclass
class Agenda:
    """What is to happen when."""

    now: float = 0.0
    _entries: list[tuple[float, int, Callable[[], None]]] = field(default_factory=list)
    _order: Iterator[int] = field(default_factory=itertools.count)

    def at(self, when: float, do: Callable[[], None]) -> None:
        heapq.heappush(self._entries, (when, next(self._order), do))

    def run(self) -> None:
        """Have all of it happen."""
        while self._entries:
            self.now, _, do = heapq.heappop(self._entries)
            do()


class SimulatedStream:
    """A stream that is sent frames in real time. `notify` is given its events.

    `decode` makes words of a window; `takes` is how many seconds one of `width` decoders is busy with it.
    """

    def __init__(
        self,
        decode: Callable[[Window], Decoding],
        takes: Callable[[Window], float],
        notify: Callable[[Event], None],
        *,
        width: int = 1,
        language: str = "en",
    ) -> None:
        self.agenda = Agenda()
        self.windows: list[Window] = []
        self.held_up = False
        """Whether it ever took no audio."""
        self._decode = decode
        self._takes = takes
        self._notify = notify
        self._width = width
        self._schedule: Schedule[str] = Schedule(max(1, width - 1))
        self._transcription = Transcription(
            SpeechDetector(), SpokenLanguage("", language), lambda urgency: self._schedule.ask("", urgency)
        )

    @property
    def idle(self) -> bool:
        return self._transcription.idle

    def hear(self, pcm: bytes, before: Callable[[bytes], None] = lambda _: None) -> None:
        """Be sent a recording from the agenda's present on, and `before` told of each frame."""
        for number, frame in enumerate(frames(pcm), start=1):
            self.agenda.at(self.agenda.now + number * FRAME_S, lambda frame=frame: self._feed(frame, before))  # type: ignore[misc]
        self.agenda.run()

    def flush(self, flush_id: int) -> None:
        self._take(self._transcription.flush(flush_id))

    def _feed(self, frame: bytes, before: Callable[[bytes], None]) -> None:
        before(frame)
        self.held_up = self.held_up or self._transcription.behind
        self._take(self._transcription.feed(frame))

    def _take(self, events: Iterable[Event]) -> None:
        # What they lead to may come back to the stream.
        for event in list(events):
            self._notify(event)
        while self._schedule.running < self._width and (job := self._schedule.begin()):
            window = self._transcription.window(job.urgency)
            if window is None:
                self._schedule.end(job)
                continue
            self.windows.append(window)

            def done(job: object = job, window: Window = window) -> None:
                self._schedule.end(job)  # type: ignore[arg-type]  # the job of this turn of the loop
                self._take(self._transcription.decoded(window, self._decode(window)))

            self.agenda.at(self.agenda.now + self._takes(window), done)
