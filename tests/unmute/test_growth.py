"""Nothing grows with a session's length but what was said, which is sent: to the language model and to the client."""

import json
from dataclasses import replace

import msgspec
import pytest

from orchestrator.conversation import Conversation, Policy, State
from orchestrator.conversation import events as ev
from orchestrator.conversation.transcript import Transcript
from parley.conversation.v1 import conversation_pb2 as pb
from tests.edge.dialects.unmute.harness import idle_dialect

FRAME_S, FRAME_SAMPLES = 0.08, 1_920
HOUR = round(3_600 / FRAME_S)


def size(state: State) -> int:
    """How much the core has to remember, besides what was said."""
    return len(msgspec.json.encode(replace(state, transcript=Transcript())))


@pytest.mark.unmute("B27")
def test_the_core_remembers_no_more_after_an_hour_of_listening() -> None:
    conversation = Conversation(State(policy=Policy(silence_timeout=0.0)))
    sizes = []
    for frame in range(HOUR):
        now = frame * FRAME_S
        conversation.handle(ev.MicrophoneAudioArrived(FRAME_SAMPLES), now)
        # Noise that opens a turn for nothing, now and then.
        conversation.handle(ev.PauseScored(0.1 if frame % 500 < 20 else 0.9, now), now)
        conversation.handle(ev.PartialRecognized("hm"), now)
        conversation.handle_timeout(now)
        if frame % 500 == 499:
            sizes.append(size(conversation.state))
    assert conversation.state.items > 50
    assert conversation.state.transcript.items == []
    # Counters gain a digit now and then; a turn that noise opened late in the hour is no larger than an early one.
    half = len(sizes) // 2
    assert max(sizes[half:]) - max(sizes[:half]) < 40


@pytest.mark.unmute("B27")
def test_the_core_remembers_of_a_turn_only_what_was_said() -> None:
    conversation = Conversation(State(policy=Policy(spoken=False)))
    sizes = []
    for turn in range(1, 301):
        now = 10.0 * turn
        conversation.handle(ev.UserTyped("Hi!"), now)
        conversation.handle(ev.ReplyTextArrived(f"reply_{turn}", "Hello!"), now + 1)
        conversation.handle(ev.ReplyTextCompleted(f"reply_{turn}"), now + 2)
        conversation.handle_timeout(now + 5)
        sizes.append(size(conversation.state))
    assert len(conversation.state.transcript.items) == 600
    assert max(sizes) - min(sizes) < 40


@pytest.mark.unmute("B27")
def test_a_client_is_never_sent_plots_for_debugging() -> None:
    dialect = idle_dialect()
    for number in range(1_000):
        stopped = pb.UserSpeechStopped(item_id=f"item_{number}", cause=pb.SPEECH_CAUSE_DETECTED)
        assert [*dialect.events(pb.ConverseResponse(user_speech_stopped=stopped))] == []
    released = pb.ReplyReleased(reply_id="reply_1", text="Hello.")
    *_, outputs, _done = map(json.loads, dialect.events(pb.ConverseResponse(reply_released=released)))
    assert outputs["type"] == "unmute.additional_outputs"
    assert outputs["args"]["debug_plot_data"] == []
    assert len(outputs["args"]["chat_history"]) == 1
