"""A recording, replayed, is the conversation that was recorded."""

import tempfile
from pathlib import Path

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import initialize, run_state_machine_as_test

from orchestrator.conversation import State
from orchestrator.conversation import events as ev
from orchestrator.conversation.actions import Action
from orchestrator.recorder import records
from orchestrator.recorder.reading import replay
from tests.orchestrator.conversation.lockstep import Lockstep
from tests.orchestrator.conversation.test_invariants import LONG, Converse

SETTINGS = settings(
    max_examples=10_000 if LONG else 100,
    stateful_step_count=50,
    print_blob=True,
)


def header(state: State) -> records.Header:
    return records.Header(now=0.0, product="0", session_id="5e551011", started_wall=1e9, state=state)


class Recorded(Lockstep):
    """A conversation of which everything is written down, from a certain step on."""

    def __init__(self, begin: int) -> None:
        super().__init__()
        self.text = b""
        self._until = begin

    def handle(self, event: ev.Event, now: float) -> list[Action]:
        self._begin()
        return self._record(now, event, super().handle(event, now))

    def handle_timeout(self, now: float) -> list[Action]:
        self._begin()
        return self._record(now, None, super().handle_timeout(now))

    def _begin(self) -> None:
        self._until -= 1
        if self._until == 0:
            self.text = records.encoded(header(self.state))

    def _record(self, now: float, event: ev.Event | None, actions: list[Action]) -> list[Action]:
        if self.text:
            self.text += records.encoded(records.Step.of(now, event, actions))
        return actions


class ConverseAndReplay(Converse):
    """Any conversation, recorded; in the end it is replayed."""

    @initialize(begin=st.sampled_from([1, 1, 1, 9, 30]))
    def record(self, begin: int) -> None:
        self.conversation = Recorded(begin)

    def teardown(self) -> None:
        super().teardown()
        if isinstance(self.conversation, Recorded) and self.sound and self.conversation.text:
            with tempfile.NamedTemporaryFile() as file:
                file.write(self.conversation.text)
                file.flush()
                replayed = replay(Path(file.name))
            assert replayed.difference is None
            assert replayed.steps == self.conversation.text.count(b"\n") - 1


@pytest.mark.timeout(0)  # making a failure small may take minutes, and is worth them
@pytest.mark.unmute("S13")
def test_any_conversation_is_replayed_from_any_moment_on() -> None:
    run_state_machine_as_test(ConverseAndReplay, settings=SETTINGS)


def written(*recorded: records.Record) -> bytes:
    return b"".join(map(records.encoded, recorded))


TOLD = records.Step.of(1.0, ev.MicrophoneAudioArrived(1_920), [])


def test_the_first_difference_is_told(tmp_path: Path) -> None:
    recording = tmp_path / "recording.jsonl"
    untrue = records.Step(now=2.0, event={"type": "UserTyped", "text": "Hi!"}, actions=[])
    recording.write_bytes(written(header(State()), TOLD, untrue, TOLD))
    replayed = replay(recording)
    assert replayed.steps == 1
    assert replayed.difference
    assert (replayed.difference.line, replayed.difference.now) == (3, 2.0)
    assert replayed.difference.event == ev.UserTyped("Hi!")
    assert replayed.difference.recorded == []
    assert [type(action).__name__ for action in replayed.difference.replayed] == ["TurnEndedNotice", "PrepareReply"]


@pytest.mark.parametrize("ended", [True, False])
def test_whether_it_has_an_end_is_told(tmp_path: Path, *, ended: bool) -> None:
    recording = tmp_path / "recording.jsonl"
    end = [records.End(now=2.0, reason="over")] if ended else []
    recording.write_bytes(written(header(State()), TOLD, *end))
    assert replay(recording).complete is ended
