"""An engine whose voices speak clause by clause, behind the proxy's interface."""

from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import Protocol

from mesh.errors import AtCapacity
from tts_proxy.clauses.speech import Speaker
from tts_proxy.clauses.utterance import ClauseUtterance


class ClauseVoices(Protocol):
    """The voices of an engine that is loaded."""

    @property
    def name(self) -> str:
        """What embeddings are tagged with that these voices can speak with."""

    @property
    def voices(self) -> Mapping[str, Sequence[str]]:
        """Return what there is, as `tts_proxy.engine.VoiceList` does."""

    def speaker(self, voice: str, embedding: bytes | None = None) -> Speaker:
        """Return a voice, as in `SynthesisEngine.open`. Raises `VoiceNotFound`."""


class ClauseEngine:
    """A `SynthesisEngine`. An utterance asks for one clause at a time, so the open ones take turns.

    `patience_s` is how long text may wait for the end of its clause.
    """

    def __init__(self, voices: ClauseVoices, *, capacity: int, patience_s: float) -> None:
        self._voices = voices
        self._capacity = capacity
        self._patience_s = patience_s
        self._open = 0

    @property
    def name(self) -> str:
        """What embeddings are tagged with."""
        return self._voices.name

    @property
    def voices(self) -> Mapping[str, Sequence[str]]:
        """The voices by engine."""
        return self._voices.voices

    @property
    def capacity(self) -> int:
        """How many utterances may be open."""
        return self._capacity

    @property
    def available(self) -> bool:
        """Once loaded, it stays."""
        return True

    @asynccontextmanager
    async def open(self, voice: str, embedding: bytes | None = None) -> AsyncIterator[ClauseUtterance]:
        """Lease a slot for an utterance. Raises `VoiceNotFound` and `AtCapacity`."""
        speaker = self._voices.speaker(voice, embedding)
        if self._open >= self._capacity:
            raise AtCapacity("every voice is taken")
        self._open += 1
        try:
            yield ClauseUtterance(speaker, self._patience_s)
        finally:
            self._open -= 1
