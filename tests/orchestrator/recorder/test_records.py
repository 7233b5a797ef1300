"""Whatever can happen or be done can be written down, a class that is added later too."""

import dataclasses
import enum
from pathlib import Path
from types import ModuleType
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.conversation import actions, events
from orchestrator.recorder import records
from orchestrator.recorder.reading import replay

NUMBERS = st.floats(allow_nan=False, allow_infinity=False)
ONE_EVENT = st.sampled_from([*records.EVENTS.values()]).flatmap(st.from_type)
ONE_ACTION = st.sampled_from([*records.ACTIONS.values()]).flatmap(st.from_type)
st.register_type_strategy(float, NUMBERS)
st.register_type_strategy(str, st.text(st.characters(exclude_categories=["Cs"])))


def defined_in(module: ModuleType) -> set[type[Any]]:
    return {
        each
        for each in vars(module).values()
        if dataclasses.is_dataclass(each) and isinstance(each, type) and each.__module__ == module.__name__
    }


def test_no_class_is_forgotten() -> None:
    assert {*records.EVENTS.values()} == defined_in(events)
    assert {*records.ACTIONS.values()} == defined_in(actions)


@pytest.mark.parametrize("kind", [*records.EVENTS.values(), *records.ACTIONS.values()], ids=lambda kind: kind.__name__)
def test_every_class_has_a_tag_that_no_field_of_it_has(kind: type[Any]) -> None:
    assert "type" not in {field.name for field in dataclasses.fields(kind)}


@given(NUMBERS, st.none() | ONE_EVENT, st.lists(ONE_ACTION))
def test_what_is_written_is_read(now: float, event: events.Event | None, done: list[actions.Action]) -> None:
    read = records.decoded(records.encoded(records.Step.of(now, event, done)))
    assert isinstance(read, records.Step)
    assert (read.now, read.core_event(), read.core_actions()) == (now, event, done)


@pytest.mark.parametrize("kind", [*records.EVENTS])
def test_every_event_is_written_and_read(kind: str) -> None:
    @given(st.from_type(records.EVENTS[kind]))
    def check(event: events.Event) -> None:
        assert records.read_event(msgspec.json.decode(msgspec.json.encode(records.written(event)))) == event

    check()


@pytest.mark.parametrize("kind", [*records.ACTIONS])
def test_every_action_is_written_and_read(kind: str) -> None:
    @given(st.from_type(records.ACTIONS[kind]))
    def check(action: actions.Action) -> None:
        assert records.read_action(msgspec.json.decode(msgspec.json.encode(records.written(action)))) == action

    check()


@pytest.mark.parametrize(
    "written", [{}, {"type": "Nothing"}, {"type": 1}, {"type": "Flushed"}, {"type": "Flushed", "flush_id": "x"}]
)
def test_anything_else_is_refused(written: dict[str, Any]) -> None:
    with pytest.raises(msgspec.ValidationError):
        records.read_event(written)


@pytest.mark.parametrize(
    ("formerly", "now"),
    [
        (
            {"type": "ConfirmReply", "guess_id": "guess_1", "reply_id": "reply_1", "item_id": "item_2", "voice": ""},
            actions.ConfirmSpeculativeReply("speculative_1", "reply_1", "item_2", ""),
        ),
        ({"type": "DropReply", "reply_id": "guess_12", "words": 3}, actions.DropSpeculativeReply("speculative_12", 3)),
        ({"type": "ReplyVoiceLostNotice", "reply_id": "reply_1"}, actions.WarnOfLostVoice("reply_1")),
    ],
)
def test_the_names_of_version_5_are_read(formerly: dict[str, Any], now: actions.Action) -> None:
    assert records.read_action(formerly) == now
    said = {"type": "ReplyTextArrived", "reply_id": "guess_1", "text": " guess_1"}
    assert records.read_event(said) == events.ReplyTextArrived("speculative_1", " guess_1")


def test_a_cause_is_written_as_a_word() -> None:
    started = actions.SpeechStartedNotice("item_1", 0.5, actions.SpeechCause.WORD)
    assert records.written(started) == {
        "type": "SpeechStartedNotice",
        "item_id": "item_1",
        "offset": 0.5,
        "cause": "word",
    }
    assert not isinstance(records.written(started)["cause"], enum.Enum)


FORMAT_1 = sorted(Path(__file__).with_name("format_1").glob("*.jsonl"))
"""Recordings of the first format, in which events and actions had other names. Together they hold every one of them."""


OTHERWISE = {"2.jsonl": events.ReplyAudioFailed}
"""The recordings in which Parley would act otherwise today, and on what: now another synthesis goes on."""


@pytest.mark.parametrize("file", FORMAT_1, ids=lambda file: str(file.name))
def test_a_recording_of_the_first_format_is_replayed(file: Path) -> None:
    outcome = replay(file)
    if file.name in OTHERWISE:
        assert outcome.difference
        assert isinstance(outcome.difference.event, OTHERWISE[file.name])
        return
    assert outcome.difference is None
    assert outcome.complete
    assert outcome.steps == file.read_bytes().count(b'"line":"step"')


ADDED = {
    3: {"RecognizerChanged"},
    4: {"RecognizerLost", "HistoryGiven", "TurnCommitted", "CancellationRequested", "SayRequested"},
    5: {
        *("ConversationResumed", "ResumeSynthesis", "ResumeText", "AbandonText"),
        *("ReplyVoiceLostNotice", "ConfirmReply", "DropReply"),
    },
    6: {"WarnOfLostVoice", "ConfirmSpeculativeReply", "DropSpeculativeReply"},
    7: {"TurnRestoredNotice"},
}
"""Events and actions that came after the first format, by the version that an older Parley refuses because of them."""


def test_the_recordings_of_the_first_format_hold_every_event_and_action_it_had() -> None:
    named = {
        each["type"]
        for file in FORMAT_1
        for line in file.read_bytes().splitlines()
        if (step := msgspec.json.decode(line))["line"] == "step"
        for each in (*filter(None, [step.get("event")]), *step.get("actions", []))
    }
    unchanged = (
        {*records.EVENTS, *records.ACTIONS}
        - {*records._RENAMED.values()}
        - {name for added in ADDED.values() for name in added}
    )
    renamed_later = {name for added in ADDED.values() for name in added}
    assert named == {*records._RENAMED} - renamed_later | unchanged
    assert max(ADDED) <= records.VERSION
