"""Whatever can happen or be done can be written down, a class that is added later too."""

import dataclasses
import enum
from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.conversation import actions, events
from orchestrator.recorder import lines, notation

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
ONE_EVENT = st.sampled_from([*notation.EVENTS.values()]).flatmap(st.from_type)
ONE_ACTION = st.sampled_from([*notation.ACTIONS.values()]).flatmap(st.from_type)
st.register_type_strategy(float, NUMBERS)
st.register_type_strategy(str, st.text(st.characters(exclude_categories=["Cs"])))


def defined_in(module: ModuleType) -> set[type[Any]]:
    return {
        each
        for each in vars(module).values()
        if dataclasses.is_dataclass(each) and isinstance(each, type) and each.__module__ == module.__name__
    }


def test_no_class_is_forgotten() -> None:
    assert {*notation.EVENTS.values()} == defined_in(events)
    assert {*notation.ACTIONS.values()} == defined_in(actions)


@pytest.mark.parametrize(
    "kind", [*notation.EVENTS.values(), *notation.ACTIONS.values()], ids=lambda kind: kind.__name__
)
def test_every_class_has_a_tag_that_no_field_of_it_has(kind: type[Any]) -> None:
    assert "type" not in {field.name for field in dataclasses.fields(kind)}


@given(NUMBERS, st.none() | ONE_EVENT, st.lists(ONE_ACTION))
def test_what_is_written_is_read(now: float, event: events.Event | None, done: list[actions.Action]) -> None:
    read = lines.decoded(lines.encoded(lines.Step.of(now, event, done)))
    assert isinstance(read, lines.Step)
    assert (read.now, read.told(), read.answered()) == (now, event, done)


@pytest.mark.parametrize("kind", [*notation.EVENTS])
def test_every_event_is_written_and_read(kind: str) -> None:
    @given(st.from_type(notation.EVENTS[kind]))
    def check(event: events.Event) -> None:
        assert notation.event(msgspec.json.decode(msgspec.json.encode(notation.written(event)))) == event

    check()


@pytest.mark.parametrize("kind", [*notation.ACTIONS])
def test_every_action_is_written_and_read(kind: str) -> None:
    @given(st.from_type(notation.ACTIONS[kind]))
    def check(action: actions.Action) -> None:
        assert notation.action(msgspec.json.decode(msgspec.json.encode(notation.written(action)))) == action

    check()


@pytest.mark.parametrize(
    "written", [{}, {"type": "Nothing"}, {"type": 1}, {"type": "Flushed"}, {"type": "Flushed", "flush_id": "x"}]
)
def test_anything_else_is_refused(written: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        notation.event(written)


def test_a_cause_is_written_as_a_word() -> None:
    started = actions.SpeechStarted("item_1", 0.5, actions.SpeechCause.WORD)
    assert notation.written(started) == {"type": "SpeechStarted", "item_id": "item_1", "offset": 0.5, "cause": "word"}
    assert not isinstance(notation.written(started)["cause"], enum.Enum)
