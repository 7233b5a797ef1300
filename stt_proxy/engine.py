"""What a recognition engine is. docs/engines.md shows how to add one.

A conversation is held by what an engine says while somebody speaks, so an engine has four duties:

* a `Pause` for every frame, soon after the frame was sent: a score below 0.4 opens a turn and holds the reply that is
  being spoken, one above 0.6 may end the turn;
* the first `Word` within a second of such a score. Until then the turn may be a noise, and the reply resumes;
* `Word`s while speech goes on: a turn of eight seconds without one is taken for a noise, and discarded;
* `Flushed` within `flush_limit_s` of a flush, and every word of what was sent before it.

Audio is 16-bit little-endian PCM, 24 000 Hz, mono; positions are seconds from a stream's first sample, in exactly the
audio that was sent. An engine that flushes by feeding itself silence takes that silence out of its positions again.
"""

from contextlib import AbstractAsyncContextManager
from typing import Final, Protocol, Self, TypeAlias

from msgspec import Struct

from mesh.engines.plugins import EngineGroup


class Word(Struct, frozen=True, tag=True):
    """A word that is never taken back: one, not empty, without spaces. Words come in the order of their starts."""

    text: str
    start_s: float
    end_s: float


class Partial(Struct, frozen=True, tag=True):
    """The present guess at the words after the last `Word`; the next replaces it. Empty: there is none."""

    text: str
    start_s: float


class Pause(Struct, frozen=True, tag=True):
    """How likely the speaker is pausing, from 0 to 1, by what was heard up to `heard_s`.

    One for every 80 ms, but for those at a stream's beginning that an engine is not sure of.
    """

    probability: float
    heard_s: float


class Flushed(Struct, frozen=True, tag=True):
    """Every word spoken before this flush has been given."""

    flush_id: int


Event: TypeAlias = Word | Partial | Pause | Flushed


class Recognizer(Protocol):
    """One stream being recognised: audio goes in at one end while events come out at the other.

    Every method and the iteration raise `UpstreamDown` when the engine is lost, and `UpstreamMisconfigured` when it
    turns out not to be up to it.
    """

    @property
    def backlog_s(self) -> float:
        """How much of the audio that was sent has not been heard yet, in seconds."""

    async def send(self, pcm: bytes) -> None:
        """Give it the next samples, any number of whole ones. Waits while the backlog is too long."""

    async def flush(self, flush_id: int) -> None:
        """Ask for the words of everything sent so far. Flushes are answered in order."""

    async def finish(self) -> None:
        """Say that no more audio comes: what is left is given, then the events end."""

    def __aiter__(self) -> Self:
        """What is recognised, no faster than it is taken. To be iterated once."""

    async def __anext__(self) -> Event:
        """The next event."""


FLUSH_LIMIT_S: Final = 1.0
"""How long a caller waits for `Flushed` if nothing else was said."""


class RecognitionEngine(Protocol):
    """Recognises up to `capacity` streams at once."""

    @property
    def capacity(self) -> int:
        """How many streams may be open."""

    @property
    def available(self) -> bool:
        """Whether it takes streams, full or not. A proxy whose engine does not is passed over by its callers."""

    @property
    def flush_limit_s(self) -> float:
        """Within how many seconds a flush is answered, `FLUSH_LIMIT_S` unless the engine is slower."""

    def open(self, language: str) -> AbstractAsyncContextManager[Recognizer]:
        """Lease a recogniser for one stream while the block runs; leaving it forgets the stream.

        `language` is a BCP 47 tag; empty: the engine's own. Entering raises `AtCapacity`, `InvalidRequest` for a
        language it does not know, `UpstreamDown` or `UpstreamMisconfigured`, soon: it never waits for a recogniser to
        become free.
        """


ENGINES: EngineGroup[RecognitionEngine] = EngineGroup(
    "parley.stt_engines", variable="PARLEY_STT_ENGINE", what="speech recognition"
)
"""The installed engines."""
