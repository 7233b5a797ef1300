"""Has the core decide again what it decided while it was recorded."""

from pathlib import Path
from typing import NamedTuple

from orchestrator.conversation import Conversation
from orchestrator.conversation.actions import Action
from orchestrator.conversation.events import Event
from orchestrator.recorder.lines import End, Header, Line, Step
from orchestrator.recorder.reading import read


class Difference(NamedTuple):
    """The first step at which the core does something else than was recorded."""

    line: int
    """Of the file."""
    now: float
    event: Event | None
    recorded: list[Action]
    replayed: list[Action]


class Replay(NamedTuple):
    """What came of a replay."""

    steps: int
    """How many were alike."""
    actions: int
    """How many actions these were."""
    complete: bool
    """The recording has its end."""
    difference: Difference | None


def replay(path: Path) -> Replay:
    """Tell a fresh core what the recorded one was told, and compare. Raises `NotARecording`, and `OSError`."""
    conversation = Conversation()
    steps = actions = 0
    last: Line | None = None
    for number, last in read(path):
        match last:
            case Header(state=state):
                conversation = Conversation(state)
            case Step(now=now):
                event, recorded = last.told(), last.answered()
                replayed = conversation.handle_timeout(now) if event is None else conversation.handle(event, now)
                if replayed != recorded:
                    difference = Difference(number, now, event, recorded, replayed)
                    return Replay(steps, actions, complete=False, difference=difference)
                steps += 1
                actions += len(replayed)
    return Replay(steps, actions, complete=isinstance(last, End), difference=None)
