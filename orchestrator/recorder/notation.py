"""Events and actions as JSON objects: their fields, and `type`, which is the name of their class."""

from collections.abc import Mapping
from typing import Any, TypeVar, get_args

import msgspec

from orchestrator.conversation.actions import Action
from orchestrator.conversation.events import Event

EVENTS: Mapping[str, type[Event]] = {each.__name__: each for each in get_args(Event)}
ACTIONS: Mapping[str, type[Action]] = {each.__name__: each for each in get_args(Action)}

Written = dict[str, Any]
"""An event or an action, written down."""

T = TypeVar("T")


def written(value: Event | Action) -> Written:
    """Write an event or an action down."""
    fields: Written = msgspec.to_builtins(value)
    return {"type": type(value).__name__, **fields}


def event(written: Written) -> Event:
    """Read an event. Raises `msgspec.ValidationError` for what is none."""
    return _read(written, EVENTS)


def action(written: Written) -> Action:
    """Read an action. Raises `msgspec.ValidationError` for what is none."""
    return _read(written, ACTIONS)


def _read(written: Written, kinds: Mapping[str, type[T]]) -> T:
    kind = written.get("type")
    if not isinstance(kind, str) or kind not in kinds:
        raise msgspec.ValidationError(f"no type {kind!r}: expected one of {', '.join(kinds)}")
    return msgspec.convert(written, kinds[kind])
