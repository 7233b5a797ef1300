"""Which window is decoded next, when more is wanted than there are processors: decided over plain lists.

The last window of an utterance goes first, since the conversation waits for its words; then one that may turn out to
be the last; then those that only bring words sooner, the stream first that has waited longest. A stream has at most one
partial window waiting: what it holds is taken when its turn comes, so that nothing stale is ever decoded.
"""

from enum import IntEnum
from typing import Generic, NamedTuple, TypeVar

Stream = TypeVar("Stream")


class Urgency(IntEnum):
    """What a decoding is for; the lower goes first."""

    FINAL = 0
    """An utterance has ended, and its words are waited for."""
    SETTLING = 1
    """The speaker has paused, perhaps for good."""
    PARTIAL = 2
    """Words should come while speech goes on."""


class Job(NamedTuple, Generic[Stream]):
    """A window of `stream` is to be decoded."""

    stream: Stream
    urgency: Urgency


class Schedule(Generic[Stream]):
    """What is wanted and what is being decoded, of all streams.

    Decodings of one stream come one after another, except that what is more urgent does not wait for a partial one that
    is under way. Of all streams at most `most_partial` partial windows are decoded at once (None: any number), so that
    what people wait for need not wait for a processor.
    """

    def __init__(self, most_partial: int | None = None) -> None:
        self._most_partial = most_partial
        self._waiting: list[Job[Stream]] = []
        self._running: list[Job[Stream]] = []

    @property
    def running(self) -> int:
        """How many windows are being decoded."""
        return len(self._running)

    def ask(self, stream: Stream, urgency: Urgency) -> None:
        """Note that the stream wants a window decoded. A partial one that waits gives way to anything more urgent."""
        job = Job(stream, urgency)
        partial = next(
            (each for each in self._waiting if each.stream == stream and each.urgency != Urgency.FINAL), None
        )
        if partial is None:
            # An utterance that has ended goes first, and partial windows are of the utterance after it.
            self._waiting.append(job)
        elif urgency < partial.urgency:
            self._waiting[self._waiting.index(partial)] = job

    def begin(self) -> Job[Stream] | None:
        """Take the next job, if there is one that may begin; it is running from now on."""
        ready = [job for job in self._waiting if self._may_begin(job)]
        if not ready:
            return None
        job = min(ready, key=lambda each: each.urgency)
        self._waiting.remove(job)
        self._running.append(job)
        return job

    def end(self, job: Job[Stream]) -> None:
        """Note that a job is done."""
        self._running.remove(job)

    def forget(self, stream: Stream) -> None:
        """Drop what waits of a stream that has ended. What runs still has to end."""
        self._waiting = [job for job in self._waiting if job.stream != stream]

    def _may_begin(self, job: Job[Stream]) -> bool:
        running = [each.urgency for each in self._running if each.stream == job.stream]
        if job.urgency == Urgency.PARTIAL and self._partial == self._most_partial:
            return False
        if job.urgency == Urgency.FINAL:
            return Urgency.FINAL not in running
        if any(each.stream == job.stream and each.urgency == Urgency.FINAL for each in self._waiting):
            return False
        return not running if job.urgency == Urgency.PARTIAL else set(running) <= {Urgency.PARTIAL}

    @property
    def _partial(self) -> int:
        return sum(each.urgency == Urgency.PARTIAL for each in self._running)
