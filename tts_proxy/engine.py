"""What a synthesis engine is. docs/engines.md shows how to add one."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from typing import Protocol, TypeAlias, runtime_checkable

from mesh.engines.plugins import EngineGroup


@dataclass(frozen=True, slots=True)
class Audio:
    """The next samples of an utterance: 16-bit little-endian PCM, 24 000 Hz, mono; any number of whole samples."""

    pcm: bytes


@dataclass(frozen=True, slots=True)
class Word:
    """A word as the engine was given it, and where it lies: seconds from the utterance's first sample.

    Words come in the order of their starts, each before the audio that holds it.
    """

    text: str
    start_s: float
    stop_s: float


Event: TypeAlias = Audio | Word


class Utterance(Protocol):
    """One reply being spoken. Text goes in at one end while its speech comes out at the other."""

    async def speak(self, text: str) -> None:
        """Add whole words, zero or more, to what is said. Waits while too much of it is still unspoken.

        They are what `tts_proxy.spoken` leaves of a written text. A mark may stand alone, and is no word.
        """

    async def finish(self) -> None:
        """Declare the text complete. The rest of it is spoken, then the events end."""

    def __aiter__(self) -> AsyncIterator[Event]:
        """The speech, as fast as the engine makes it and no faster than it is taken. To be iterated once."""


class SynthesisEngine(Protocol):
    """Speaks up to `capacity` utterances at once."""

    @property
    def name(self) -> str:
        """The tag of the embeddings that this engine can speak with: "espeak"."""

    @property
    def capacity(self) -> int:
        """How many utterances may be open."""

    @property
    def available(self) -> bool:
        """Whether it takes utterances, full or not. Callers pass over a proxy whose engine does not."""

    def open(self, voice: str, embedding: bytes | None = None) -> AbstractAsyncContextManager[Utterance]:
        """Lease a slot for one utterance while the block runs; leaving it stops the synthesis.

        An empty `voice` is the engine's default. With an `embedding`, which is tagged with the engine's `name`, that is
        the voice, byte for byte as the cloning engine made it; `voice` is then only what people call it by. Entering
        raises `AtCapacity`, `VoiceNotFound`, `UpstreamDown` or `UpstreamMisconfigured`, within half a second: a caller
        tries the next replica after that (`mesh.pool.Limits.one_try`).
        """


@runtime_checkable
class VoiceList(Protocol):
    """What an engine may also be: one that says whose voices it speaks with. Others count as having any voice."""

    @property
    def voices(self) -> Mapping[str, Sequence[str]]:
        """The ids of the voices by the name of their engine; none: there is no list, and any may exist."""


def voices_of(engine: SynthesisEngine) -> Mapping[str, Sequence[str]]:
    """Return the voices of an engine, as in `VoiceList`."""
    return engine.voices if isinstance(engine, VoiceList) else {engine.name: ()}


ENGINES: EngineGroup[SynthesisEngine] = EngineGroup(
    "parley.tts_engines", variable="PARLEY_TTS_ENGINE", what="speech synthesis"
)
"""The installed engines."""
