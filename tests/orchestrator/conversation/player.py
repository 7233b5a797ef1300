"""Plays a script: drives a conversation, and its deadlines, through virtual time."""

from collections.abc import Iterator
from typing import Protocol

from orchestrator.conversation import Conversation, State
from orchestrator.conversation.actions import Action
from orchestrator.conversation.events import Event, MicrophoneAudioArrived
from orchestrator.conversation.policy import SAMPLE_RATE
from tests.orchestrator.conversation.script import Row, Script
from tests.orchestrator.conversation.watched import Watched

NEXT_TO_NOTHING = 1e-9
"""Two moments this close are the same one: times are floats."""

MOST_CALLS_AT_ONCE = 8
"""A conversation that has this much to do at one instant is running in circles."""


class Timed(Protocol):
    """Whatever names the next moment at which it has something to do."""

    @property
    def deadline(self) -> float | None: ...


def deadlines(conversation: Timed, until: float) -> Iterator[float]:
    """Yield each deadline up to `until`, as a timer would find them; AssertionError if time does not pass."""
    calls, instant = 0, -1.0
    while (now := conversation.deadline) is not None and now <= until:
        calls, instant = (calls + 1, instant) if now - instant < NEXT_TO_NOTHING else (1, now)
        assert calls <= MOST_CALLS_AT_ONCE, f"no progress at {now}"
        yield now


def play(script: Script) -> list[Row]:
    """Return what really happens in a script: its own events, and the actions and deadlines of the conversation."""
    player = Player(Watched(State(policy=script.policy)), microphone_is_open=script.microphone_is_open)
    for row in script.given:
        player.play(row)
    player.rows.clear()
    for row in script.rows:
        player.play(row)
    return [_seen(row, script.unseen) for row in player.rows]


def _seen(row: Row, unseen: tuple[type[Action], ...]) -> Row:
    return Row(row.time, row.event, tuple(action for action in row.actions if not isinstance(action, unseen)))


class Player:
    """Drives a conversation as a shell would: events as they happen, and one timer that is never late."""

    def __init__(self, conversation: Conversation, *, microphone_is_open: bool) -> None:
        self.rows: list[Row] = []
        self._conversation = conversation
        self._microphone_is_open = microphone_is_open
        self._microphone_samples = 0
        self._now = 0.0

    def play(self, row: Row) -> None:
        """Let time pass until the row's, and its event happen."""
        assert row.time >= self._now, f"the script goes back in time, to {row.time}"
        self._now = row.time
        until = row.time + NEXT_TO_NOTHING if row.event is None else row.time - NEXT_TO_NOTHING
        for now in deadlines(self._conversation, until):
            self._listen(now)
            self._write_down(now, self._conversation.handle_timeout(now))
        if row.event is not None:
            self._listen(row.time)
            actions = self._handle(row.event, row.time)
            self.rows.append(Row(row.time, row.event, tuple(actions)))

    def _listen(self, now: float) -> None:
        """Give the conversation what an open microphone has heard by now."""
        heard = round(now * SAMPLE_RATE)
        if self._microphone_is_open and heard > self._microphone_samples:
            event = MicrophoneAudioArrived(heard - self._microphone_samples)
            self._microphone_samples = heard
            self._write_down(now, self._handle(event, now))

    def _handle(self, event: Event, now: float) -> list[Action]:
        actions = self._conversation.handle(event, now)
        deadline = self._conversation.deadline
        assert deadline is None or deadline >= now, f"at {now} the deadline is in the past: {deadline}"
        return actions

    def _write_down(self, now: float, actions: list[Action]) -> None:
        """Note what was done at a deadline, in one row for one moment."""
        if not actions:
            return
        last = self.rows[-1] if self.rows else None
        if last and last.event is None and now - last.time < NEXT_TO_NOTHING:
            self.rows[-1] = Row(last.time, None, last.actions + tuple(actions))
        else:
            self.rows.append(Row(now, None, tuple(actions)))
