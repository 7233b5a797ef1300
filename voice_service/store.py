"""Where custom voices are kept. To add a store, write a module in `voice_service/stores` and name it in `main.py`."""

from dataclasses import dataclass
from typing import Protocol

from voice_service.donations.verification import VerificationStore


@dataclass(frozen=True, slots=True)
class CustomVoice:
    """A voice that somebody has had made."""

    engine: str
    """The synthesis engine that can speak with it."""
    embedding: bytes


@dataclass(frozen=True, slots=True)
class KeptVoice:
    """A voice in the store, and how long it stays there, in seconds."""

    voice: CustomVoice
    time_to_live_s: float


class VoiceStore(Protocol):
    """Keeps voices for so many seconds, and so many of them: the oldest makes room for one too many.

    Replicas that are given the same store share the voices. Everything raises `UpstreamDown` if it cannot be done.
    """

    @property
    def verifications(self) -> VerificationStore:
        """What else replicas share: the verifications of donations, which are kept beside the voices."""

    async def put(self, voice_id: str, voice: CustomVoice) -> KeptVoice:
        """Keep a voice under an id that is new; returns it with its whole time."""

    async def get(self, voice_id: str) -> KeptVoice | None:
        """The voice of this id; None: there is none, or no longer."""

    async def purge(self) -> None:
        """Remove for good what is past its time, so that nothing of it can be recovered from the store."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Retention:
    """What a store keeps."""

    time_to_live_s: float = 3_600.0
    most_voices: int = 500
    most_verifications: int = 10_000
    """The oldest makes room here as well. That is 33 a second for as long as each is good for something."""
