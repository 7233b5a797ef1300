"""A connection to a mesh as a caller sees it: what it sends, and the events that come back."""

from collections.abc import AsyncIterator
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from launcher.failure import Failure

Samples: TypeAlias = NDArray[np.int16]
"""Mono audio at 24 kHz, 16 bits a sample."""


@dataclass(frozen=True, slots=True)
class UserSpeechStarted:
    """The mesh has noticed that the caller speaks."""


@dataclass(frozen=True, slots=True)
class UserWord:
    """The mesh has recognised a word of the caller's."""

    text: str


@dataclass(frozen=True, slots=True)
class UserTurnDiscarded:
    """Detected speech contained no words. No reply will come."""


@dataclass(frozen=True, slots=True)
class ReplyStarted:
    """A reply is being prepared."""


@dataclass(frozen=True, slots=True)
class ReplyWord:
    """A word of the reply: as it is spoken, or as it is written where nothing is spoken."""

    text: str


@dataclass(frozen=True, slots=True)
class ReplyAudio:
    """The next audio of the reply."""

    samples: Samples


@dataclass(frozen=True, slots=True)
class ReplyEnded:
    """The reply is over; `complete` is whether it was heard to its end."""

    complete: bool


@dataclass(frozen=True, slots=True)
class Notice:
    """A message of the mesh for the user. The conversation goes on."""

    text: str


Event: TypeAlias = (
    UserSpeechStarted | UserWord | UserTurnDiscarded | ReplyStarted | ReplyWord | ReplyAudio | ReplyEnded | Notice
)


class CallFailed(Failure):
    """The mesh cannot be reached, refused the call, or broke it off."""


class Transport(Protocol):
    """A conversation that the mesh has admitted."""

    frame_samples: int
    """How many samples to send at a time, at 24 kHz."""

    async def send(self, samples: Samples) -> None:
        """Send the next `frame_samples` of the microphone. Raises `CallFailed`."""
        ...

    def events(self) -> AsyncIterator[Event]:
        """What is heard, until the mesh ends the conversation. Raises `CallFailed`."""
        ...
