"""What happens on a connection, in the order in which the client sees it, with the client's clock in seconds."""

from dataclasses import dataclass

from tests.unmute.sheet import Event, Session


@dataclass(frozen=True)
class Updated:
    """The client sent a `session.update` that is in order."""

    at: float
    session: Session


@dataclass(frozen=True)
class Played:
    """The client sent sound of its microphone."""

    at: float
    length_s: float
    speech: bool = False
    """Whether somebody spoke in it."""


@dataclass(frozen=True)
class Received:
    """The server sent an event."""

    at: float
    event: Event


@dataclass(frozen=True)
class Ended:
    """The connection was closed."""

    at: float
    code: int
    reason: str = ""
    by_client: bool = False


Occurrence = Updated | Played | Received | Ended
