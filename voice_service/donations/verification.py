"""What a donor is given to read aloud, and where it is kept until the recording comes."""

from dataclasses import dataclass
from typing import Protocol


@dataclass(frozen=True, slots=True)
class Verification:
    """Somebody has been asked to read a text, so that a listener can tell that it was they who agreed."""

    verification_id: str
    """A UUID, as `str(uuid.UUID(…))` writes it."""
    text: str
    created_at_s: float
    """Seconds since 1970, by the clock of whoever made it: for people. Ages are reckoned by the store's clock."""


@dataclass(frozen=True, slots=True)
class KeptVerification:
    """A verification in the store, and how long it stays there, in seconds."""

    verification: Verification
    time_to_live_s: float


class VerificationStore(Protocol):
    """Keeps verifications for replicas that share it. Everything raises `UpstreamDown` if it cannot be done."""

    async def put(self, verification: Verification, time_to_live_s: float) -> None:
        """Keep one whose id is new."""

    async def get(self, verification_id: str) -> KeptVerification | None:
        """The verification of this id; None: there is none, or no longer."""

    async def take(self, verification_id: str) -> bool:
        """Remove a verification. True for one caller only, however many replicas ask at the same time."""
