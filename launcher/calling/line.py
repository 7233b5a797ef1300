"""A line into a mesh, as a caller sees it."""

from collections.abc import AsyncIterator
from typing import Protocol

from launcher.calling.events import Event, Samples
from launcher.failure import Failure


class CallFailed(Failure):
    """The mesh cannot be reached, refused the call, or broke it off."""


class Line(Protocol):
    """A conversation that the mesh has admitted."""

    frame_samples: int
    """How many samples to send at a time, at 24 kHz."""

    async def send(self, samples: Samples) -> None:
        """Send the next `frame_samples` of the microphone. Raises `CallFailed`."""
        ...

    def events(self) -> AsyncIterator[Event]:
        """What is heard, until the mesh ends the conversation. Raises `CallFailed`."""
        ...
