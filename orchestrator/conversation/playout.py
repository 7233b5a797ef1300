"""When a reply's audio is sent, and how much of it has been heard.

Audio is synthesised faster than it is spoken. It is released in frames, each at most `lead` seconds before the
listener needs it. Released audio is assumed to play at once and without a break. When the listener runs out of audio,
because of a slow synthesis or a hold, the clock stops: `origin` moves so that the next frame is heard when it is
released.

A client may report what it has played. Each report sets the clock. A report that playback is paused delays the clock by
`PAUSE_BELIEVED` seconds only, so that a client that reports nothing more cannot stop it for ever.
"""

from dataclasses import dataclass, field

from orchestrator.conversation.policy import FRAME_SAMPLES, SAMPLE_RATE


@dataclass(frozen=True, slots=True)
class TimedWord:
    """A word of a reply between two offsets, in seconds of its audio."""

    text: str
    start: float
    end: float
    written: int = 0
    """How many words of the reply's text have been spoken when this one has."""

    @property
    def end_sample(self) -> int:
        """Where it ends, in samples."""
        return round(self.end * SAMPLE_RATE)


@dataclass(frozen=True, slots=True)
class Position:
    """A place in a reply: the first `word` words of its text were spoken in the first `sample` samples of its audio."""

    word: int = 0
    sample: int = 0


@dataclass(slots=True)
class Playout:
    """The audio of one reply, as counts. Positions are samples, times seconds."""

    arrived: int = 0
    """Samples synthesised."""
    released: int = 0
    """Samples sent to the listener."""
    complete: bool = False
    """No more audio or words will arrive."""
    origin: float | None = None
    """When the listener heard, or would have heard, the first sample."""
    played: float = 0.0
    """The seconds that the client has reported as played: a lower limit of what was heard."""
    words: list[TimedWord] = field(default_factory=list)
    announced: int = 0
    """How many of `words` have been sent to the client. One whose audio was lost stays counted: it comes again."""

    @property
    def duration(self) -> float:
        """Seconds of audio that have been released."""
        return self.released / SAMPLE_RATE

    def report(self, now: float, played: float, *, paused: bool) -> None:
        """Set the clock by a client's report: by `now` it has played `played` seconds of the reply."""
        if self.origin is None:
            return
        self.played = self.believed(played)
        self.origin = now - self.played + (PAUSE_BELIEVED if paused else 0.0)

    def believed(self, played: float) -> float:
        """Return a reported position, limited to what is possible.

        It is at least the position reported before, and at most the duration of the audio that was released.
        """
        return min(self.duration, max(self.played, played))

    def cut(self, sample: int) -> None:
        """Forget the audio from `sample` on, and the words that do not end before it."""
        self.arrived = sample
        self.words = [word for word in self.words if word.end_sample <= sample]

    @property
    def done(self) -> bool:
        """All audio was released and all words were announced."""
        return self.complete and self.released == self.arrived and self.announced >= len(self.words)

    @property
    def heard_at(self) -> float:
        """When all that has been released will have been heard; 0 before anything was."""
        return 0.0 if self.origin is None else self.origin + self.duration

    def heard(self, now: float) -> float:
        """Return how many seconds of the reply can have been heard."""
        return 0.0 if self.origin is None else min(self.duration, max(self.played, now - self.origin))

    def is_heard_out(self, now: float) -> bool:
        """Tell whether all that was released has been heard."""
        return now >= self.heard_at or self.played >= self.duration

    def heard_text(self, now: float) -> str:
        """Return the words that can have been heard to their end."""
        return self.text_until(self.heard(now))

    def text_until(self, position: float) -> str:
        """Return the words that end by this position."""
        return " ".join(word.text for word in self.words if word.end <= position)

    def release(self, now: float, lead: float) -> int:
        """Release what is due by now and return how many samples that is."""
        before = self.released
        while self._next_frame:
            if self.origin is None or now > self.heard_at:  # The listener waits for this frame.
                self.origin = now - self.duration
            elif now < self._frame_due(lead) and self._samples_early(lead) > self.played * SAMPLE_RATE:
                break
            self.released += self._next_frame
        return self.released - before

    def announce(self, now: float) -> list[TimedWord]:
        """Return the words that have begun to be heard since the last call."""
        first = self.announced
        while self.announced < len(self.words) and now >= self._word_due():
            self.announced += 1
        return self.words[first : self.announced]

    def deadline(self, lead: float | None) -> float | None:
        """Return when `release` or `announce` has something to do; only `announce` when `lead` is None (held)."""
        due = []
        if self._next_frame and lead is not None:
            due.append(self._frame_due(lead))
        if self.announced < len(self.words):
            due.append(self._word_due())
        return min((at for at in due if at != NEVER), default=None)

    @property
    def _next_frame(self) -> int:
        """The size of the next frame: whole, but for the end of the reply. 0 while there is none."""
        waiting = self.arrived - self.released
        return FRAME_SAMPLES if waiting >= FRAME_SAMPLES else waiting * self.complete

    def _frame_due(self, lead: float) -> float:
        """When the next frame is to be sent: its end a lead ahead of the listener, or when it is waited for."""
        # Counted in samples, so that the first frames are due at the origin itself and not a rounding error later.
        return (self.origin or 0.0) + self._samples_early(lead) / SAMPLE_RATE

    def _samples_early(self, lead: float) -> float:
        """How many samples must have been heard for the next frame to be due."""
        return min(self.released + self._next_frame - lead * SAMPLE_RATE, self.released)

    def _word_due(self) -> float:
        """When the next word begins to be heard; `NEVER` while the audio it lies in has not been released."""
        word = self.words[self.announced]
        if self.origin is not None and word.start < self.duration:
            return self.origin + word.start if word.start > self.played else 0.0
        # A word beyond the end of the audio is said when the audio has been.
        return self.heard_at if self.complete and self.released == self.arrived else NEVER


PAUSE_BELIEVED = 1.0
"""For how many seconds a report of paused playback holds. A client repeats the report while playback is paused."""

NEVER = float("inf")
