"""What a check finds."""

from dataclasses import dataclass
from enum import StrEnum


class State(StrEnum):
    """How grave it is."""

    FINE = "fine"
    ADVICE = "advice"
    """It works, but a person should know."""
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at. Whatever is not fine comes with what to do next. Holds no secret."""

    state: State
    about: str
    """One or a few words: what was looked at."""
    found: str
    remedy: str | None = None


def fine(about: str, found: str) -> Finding:
    """Nothing to do."""
    return Finding(State.FINE, about, found)


def advice(about: str, found: str, remedy: str) -> Finding:
    """Something to know."""
    return Finding(State.ADVICE, about, found, remedy)


def wrong(about: str, found: str, remedy: str) -> Finding:
    """Something that keeps Parley from working."""
    return Finding(State.WRONG, about, found, remedy)
