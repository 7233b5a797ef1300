"""Two conversations that must never differ: one lives on, the other is written down and read again at every step."""

import msgspec

from orchestrator.conversation import Conversation, State
from orchestrator.conversation.actions import Action
from orchestrator.conversation.events import Event
from tests.orchestrator.conversation.watched import Watched


def rewritten(state: State) -> State:
    """Return the state after it was written down as JSON and read again."""
    return msgspec.json.decode(msgspec.json.encode(state), type=State)


class Lockstep:
    """A conversation, and one with the same past that knows of it only what can be written down."""

    def __init__(self) -> None:
        self._lived = Watched()
        self._read = Conversation()

    @property
    def state(self) -> State:
        return self._lived.state

    @property
    def deadline(self) -> float | None:
        return self._lived.deadline

    def handle(self, event: Event, now: float) -> list[Action]:
        return self._same(self._lived.handle(event, now), self._read.handle(event, now))

    def handle_timeout(self, now: float) -> list[Action]:
        return self._same(self._lived.handle_timeout(now), self._read.handle_timeout(now))

    def _same(self, lived: list[Action], read: list[Action]) -> list[Action]:
        assert lived == read
        self._read = Conversation(rewritten(self._read.state))
        assert self._lived.state == self._read.state
        assert self._lived.deadline == self._read.deadline
        return lived
