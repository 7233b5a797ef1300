"""A conversation whose every change of phase is watched."""

from typing import NamedTuple

from orchestrator.conversation import TRANSITIONS, Conversation, Phase, State
from orchestrator.conversation import events as ev


class Move(NamedTuple):
    """A change of phase, and when it was."""

    before: Phase
    after: Phase
    at: float


class Watched(Conversation):
    """AssertionError where its phase changes as `TRANSITIONS` has it not. `moves` are the changes so far, in order.

    One moment may take a conversation through several phases, so it is looked at after each step it takes.
    """

    def __init__(self, state: State | None = None) -> None:
        super().__init__(state)
        self.moves: list[Move] = []
        self._seen = self.phase

    def _user_event(self, event: ev.UserEvent, now: float) -> None:
        super()._user_event(event, now)
        self._look(event, now)

    def _reply_event(self, event: ev.ReplyEvent, now: float) -> None:
        super()._reply_event(event, now)
        self._look(event, now)

    def _advance_turn(self, now: float) -> None:
        super()._advance_turn(now)
        self._look("time", now)

    def _advance_reply(self, now: float) -> None:
        super()._advance_reply(now)
        self._look("time", now)

    def _advance_idle(self, now: float) -> None:
        super()._advance_idle(now)
        self._look("time", now)

    def _look(self, cause: object, now: float) -> None:
        before, after = self._seen, self.phase
        if after is not before:
            assert (before, after) in TRANSITIONS, f"from {before.value} to {after.value} at {now}, by {cause}"
            self.moves.append(Move(before, after, now))
            self._seen = after
