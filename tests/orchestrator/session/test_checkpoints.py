"""What a caller keeps of a conversation, and what is believed of it."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.errors import InvalidRequest
from orchestrator.conversation import Conversation, State
from orchestrator.conversation import events as ev
from orchestrator.conversation.transcript import Item, Role, Transcript
from orchestrator.session.checkpoints import (
    LARGEST,
    VERSION,
    CheckpointInvalid,
    Checkpoints,
    CheckpointVersion,
    Snapshot,
)
from tests.orchestrator.conversation.test_state import A_CONVERSATION

KEY = "a key of these tests"


def snapshot(state: State | None = None) -> Snapshot:
    return Snapshot(
        session_id="5e55",
        now=1.5,
        state=state or State(),
        session=b"",
        metadata={"call": "7"},
        certain=48_000,
        acted_on=50_000,
        recording_over=False,
    )


def test_every_state_of_a_conversation_is_read_as_it_was_written() -> None:
    checkpoints, conversation = Checkpoints(KEY), Conversation()
    for row, _ in A_CONVERSATION:
        assert row.event is not None
        conversation.handle(row.event, row.time)
        written = snapshot(conversation.state)
        assert Checkpoints(KEY).read(checkpoints.written(written)) == written


def test_another_process_without_a_key_refuses_it() -> None:
    checkpoint = Checkpoints(None).written(snapshot())
    with pytest.raises(CheckpointInvalid, match="made with another key"):
        Checkpoints(None).read(checkpoint)


@given(st.data())
def test_whatever_is_changed_in_it_is_noticed(data: st.DataObject) -> None:
    checkpoint = bytearray(Checkpoints(KEY).written(snapshot()))
    at = data.draw(st.integers(0, len(checkpoint) - 1))
    checkpoint[at] ^= data.draw(st.integers(1, 255))
    with pytest.raises(InvalidRequest) as refused:
        Checkpoints(KEY).read(bytes(checkpoint))
    assert refused.value.reason in ("CHECKPOINT_INVALID", "CHECKPOINT_VERSION")
    assert refused.value.field == "config.resume.checkpoint"


@pytest.mark.parametrize("junk", [b"", b"\x01", bytes([VERSION]) * 40, bytes(LARGEST + 1)], ids=len)
def test_what_is_no_checkpoint_is_refused(junk: bytes) -> None:
    with pytest.raises(InvalidRequest):
        Checkpoints(KEY).read(junk)


def test_another_version_is_named() -> None:
    checkpoint = Checkpoints(KEY).written(snapshot())
    with pytest.raises(CheckpointVersion, match="version 99: expected 2"):
        Checkpoints(KEY).read(b"\x63" + checkpoint[1:])


def test_of_a_long_conversation_it_holds_the_newest_part() -> None:
    items = [Item(f"item_{number}", Role.USER, "x" * 1_000) for number in range(1_000)]
    state = State(transcript=Transcript(items))
    checkpoint = Checkpoints(KEY).written(snapshot(state))
    read = Checkpoints(KEY).read(checkpoint).state.transcript.items
    assert read == items[-100:]
    assert len(state.transcript.items) == 1_000
    assert len(checkpoint) < LARGEST


def test_ids_go_on_where_they_were() -> None:
    first = Conversation()
    first.handle(ev.UserTyped("Hi."), 1.0)
    checkpoint = Checkpoints(KEY).written(snapshot(first.state))
    second = Conversation(Checkpoints(KEY).read(checkpoint).state)
    second.handle(ev.ConversationResumed(0), 1.1)
    assert second.state.reply
    assert (second.state.reply.reply_id, second.state.reply.item_id) == ("reply_2", "item_3")
