"""Conversations as tables: at which time, what happens, and what the conversation does about it.

    script(
        "A pause asks for the last words, and their arrival ends the turn",
        at(1.00, speech, started("item_1")),
        at(1.50, word("Hello."), user_word("item_1", "Hello.")),
        at(1.70, pause, stopped("item_1"), RequestFlush(1)),
        due(2.70, TurnEndedNotice("item_1", "Hello.", SpeechCause.DETECTED), ...),
    )

`at` is an event and all that follows from it at once. `due` is what the conversation does by itself when its deadline
comes. `nothing` says that until then it does nothing at all. A script lists *every* action, in order, but for those
of the kinds it calls `unseen`; what was `given` has happened before, and its actions are another script's business.

`notation` has short names for events and actions. Nothing here sleeps: time is an argument.
"""

import enum
from collections.abc import Callable, Sequence
from dataclasses import dataclass, fields, is_dataclass

from orchestrator.conversation import Policy
from orchestrator.conversation.actions import Action
from orchestrator.conversation.events import Event

Timed = Callable[[float], Event]
"""An event whose offsets depend on when it happens."""

TimedAction = Callable[[float], Action]
"""An action whose offsets depend on when it is done."""


@dataclass(frozen=True)
class Row:
    """One moment of a conversation. Without an event, the moment is a deadline."""

    time: float
    event: Event | None
    actions: tuple[Action, ...]


@dataclass(frozen=True)
class Script:
    """A conversation that shows one rule at work."""

    title: str
    rows: tuple[Row, ...]
    given: tuple[Row, ...]
    policy: Policy
    microphone_is_open: bool
    """The microphone sends without a break from time 0, unwritten. Otherwise every sample is written down."""
    unseen: tuple[type[Action], ...]


@dataclass(frozen=True)
class Rule:
    """A rule of turn taking: its name, what it says, and the scripts that show it."""

    name: str
    prose: str
    scripts: tuple[Script, ...]


def script(
    title: str,
    *rows: Row,
    given: Sequence[Row] = (),
    policy: Policy | None = None,
    microphone_is_open: bool = True,
    unseen: Sequence[type[Action]] = (),
) -> Script:
    """Return a script of these rows, with the default policy unless there is another."""
    return Script(title, rows, tuple(given), policy or Policy(), microphone_is_open, tuple(unseen))


def at(time: float, event: Event | Timed, *actions: Action | TimedAction) -> Row:
    """Return the row in which `event` happens and `actions` follow at once."""
    return Row(time, event(time) if callable(event) else event, _placed(time, actions))


def due(time: float, *actions: Action | TimedAction) -> Row:
    """Return the row in which `time` is a deadline, at which `actions` are done."""
    return Row(time, None, _placed(time, actions))


def nothing(*, until: float) -> Row:
    """Return the row that says that nothing is done until then."""
    return Row(until, None, ())


def time_passes(*, until: float) -> Row:
    """Return the row with which what is `given` goes on until then, whatever is done meanwhile."""
    return Row(until, None, ())


def as_text(rows: Sequence[Row]) -> str:
    """Return rows as lines to read, and to compare: equal but for rounding errors if, and only if, the rows are."""
    lines = []
    for row in rows:
        if row.event is not None or row.actions:
            lines.append(f"{_written(row.time):>8}  {'' if row.event is None else _written(row.event)}")
            lines += [f"{'→':>14} {_written(action)}" for action in row.actions]
    return "\n".join(lines)


def _placed(time: float, actions: Sequence[Action | TimedAction]) -> tuple[Action, ...]:
    return tuple(action(time) if callable(action) else action for action in actions)


def _written(value: object) -> str:
    """Write a value as `ClassName(field=…)`, times and offsets to the microsecond."""
    match value:
        case float():
            return f"{value + 0.0:.6f}".rstrip("0").rstrip(".")
        case enum.Enum():
            return str(value.value)
        case list():
            return f"[{', '.join(map(_written, value))}]"
        case _ if is_dataclass(value):
            written = (f"{field.name}={_written(getattr(value, field.name))}" for field in fields(value))
            return f"{type(value).__name__}({', '.join(written)})"
        case _:
            return repr(value)
