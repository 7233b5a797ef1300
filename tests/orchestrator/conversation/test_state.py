"""Where a conversation stands, and that it can be written down there."""

import msgspec
import pytest

from orchestrator.conversation import Conversation, Phase, Policy, State
from orchestrator.conversation import events as ev
from orchestrator.conversation.state import Detector, Turn
from orchestrator.conversation.transcript import Item, Role
from tests.orchestrator.conversation.lockstep import rewritten
from tests.orchestrator.conversation.notation import answered, audio, pause, speech, word
from tests.orchestrator.conversation.player import deadlines
from tests.orchestrator.conversation.script import Row, at, time_passes

A_CONVERSATION = [
    (at(0.1, ev.SessionConfigured(instructions="Be kind.")), Phase.WAITING),
    (at(0.9, ev.MicrophoneAudioArrived(21_600)), Phase.WAITING),
    (at(1.0, speech), Phase.LISTENING),
    (at(1.5, word("Hi.")), Phase.LISTENING),
    (at(1.6, pause), Phase.ENDPOINTING),
    (at(1.7, speech), Phase.LISTENING),
    (at(1.7, ev.MicrophoneAudioArrived(19_200)), Phase.LISTENING),
    (at(1.8, pause), Phase.ENDPOINTING),
    (at(1.9, ev.Flushed(2)), Phase.THINKING),
    (at(2.0, speech), Phase.THINKING),
    (at(2.1, audio("reply_1", 1.0)), Phase.THINKING),
    (at(2.2, pause), Phase.THINKING),
    (at(2.3, ev.Flushed(3)), Phase.SPEAKING),
    (at(2.4, speech), Phase.SPEAKING),
    (at(2.5, ev.MicrophoneAudioArrived(19_200)), Phase.SPEAKING),
    (at(2.5, word("Oh.")), Phase.LISTENING),
    (at(2.6, pause), Phase.ENDPOINTING),
    (at(2.7, ev.Flushed(4)), Phase.THINKING),
    (at(2.8, audio("reply_2", 0.5)), Phase.SPEAKING),
    (at(2.8, ev.ReplyTextArrived("reply_2", " Bye!")), Phase.SPEAKING),
    (at(2.8, ev.ReplyWordTimed("reply_2", "Bye!", 0.0, 0.5)), Phase.SPEAKING),
    (at(2.8, ev.ReplyAudioCompleted("reply_2")), Phase.SPEAKING),
    (at(3.2, ev.MicrophoneAudioArrived(1_920)), Phase.SPEAKING),
    (at(3.4, ev.MicrophoneAudioArrived(1_920)), Phase.WAITING),
    (at(3.5, ev.FinishRequested()), Phase.WAITING),
    (at(3.6, ev.Flushed(5)), Phase.ENDED),
    (at(3.7, speech), Phase.ENDED),
]


def test_phases() -> None:
    conversation = Conversation(State(policy=Policy(goodbye=True, uninterruptible_window=0.0)))

    for row, phase in A_CONVERSATION:
        assert row.event is not None
        conversation.handle(row.event, row.time)
        assert conversation.phase is phase, row

    assert conversation.deadline is None
    assert conversation.handle_timeout(60.0) == []


def test_a_conversation_goes_on_after_it_was_written_down_at_every_step() -> None:
    policy = Policy(goodbye=True, uninterruptible_window=0.0)
    lived, state = Conversation(State(policy=policy)), State(policy=policy)

    for row, _ in A_CONVERSATION:
        assert row.event is not None
        copied = Conversation(rewritten(state))
        assert copied.handle(row.event, row.time) == lived.handle(row.event, row.time)
        assert copied.state == lived.state
        state = copied.state


@pytest.mark.unmute("B27")
def test_thousands_of_turns_leave_nothing_behind_but_what_was_said() -> None:
    conversation = Conversation(State(policy=Policy(uninterruptible_window=0.0)))
    sizes = []
    for turn in range(2_000):
        talk(conversation, 10.0 * turn, interrupted=turn % 2 == 1)
        assert conversation.phase is Phase.WAITING
        conversation.state.transcript.items.clear()
        sizes.append(len(msgspec.json.encode(conversation.state)))

    # Counters and clocks grow, by a digit now and then.
    assert max(sizes) - sizes[0] < 60


def talk(conversation: Conversation, start: float, *, interrupted: bool) -> None:
    """A question and its answer, which noise holds for a while, or a typed turn cuts short."""

    def happen(*rows: Row) -> None:
        for row in rows:
            for now in deadlines(conversation, row.time):
                conversation.handle_timeout(now)
            if row.event is not None:
                conversation.handle(row.event, row.time)

    happen(at(start, ev.MicrophoneAudioArrived(24_000)), at(start + 0.5, speech), at(start + 0.8, word("Well?")))
    happen(at(start + 0.9, pause), at(start + 1.0, ev.Flushed(conversation.state.flushes + 1)))
    reply_id = f"reply_{conversation.state.replies}"
    happen(*answered(reply_id, "One two three four.", start + 2.0))
    happen(at(start + 2.6, speech), at(start + 2.7, ev.ReplyPlaybackReported(reply_id, 0.6, paused=True)))
    if interrupted:
        happen(
            at(start + 2.8, ev.UserTyped("Stop.")),
            at(start + 2.9, ev.ReplyPlaybackReported(reply_id, 0.6, paused=True)),
        )
        happen(at(start + 3.0, ev.ReplyTextCompleted(f"reply_{conversation.state.replies}")))
    happen(at(start + 3.1, pause), time_passes(until=start + 9.0))


def test_each_side_is_remembered_under_its_id() -> None:
    conversation = Conversation(State(policy=Policy(uninterruptible_window=0.0, pacing_lead=2.0)))
    brought = (Item("mine", Role.USER, "Hi."), Item("", Role.ASSISTANT, "Hello."))
    for row in (
        at(0.0, ev.HistoryGiven(brought)),
        at(0.5, ev.UserTyped("Well?", item_id="typed")),
        *answered("reply_1", "One two.", 1.0),
        at(1.6, ev.UserTyped("Stop.")),
    ):
        assert row.event is not None
        conversation.handle_timeout(row.time)
        conversation.handle(row.event, row.time)

    said = [(item.item_id, item.text) for item in conversation.state.transcript.items]
    expected = [("mine", "Hi."), ("item_1", "Hello."), ("typed", "Well?"), ("item_2", "One"), ("item_3", "Stop.")]
    assert said == expected


# --- the person's turn --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("scores", "speaking"),
    [
        ([], False),
        ([0.39], True),
        ([0.40], False),
        ([0.39, 0.59], True),
        ([0.39, 0.60], True),
        ([0.39, 0.61], False),
        ([0.39, 0.61, 0.40], False),
        ([0.39, 0.61, 0.39], True),
    ],
)
def test_between_the_thresholds_nothing_changes(scores: list[float], speaking: bool) -> None:
    detector = Detector()
    for probability in scores:
        detector.score(probability, Policy())

    assert detector.speaking is speaking


@pytest.mark.parametrize(("probability", "armed"), [(0.39, False), (0.50, False), (0.60, False), (0.61, True)])
def test_only_a_pause_arms_it_again(probability: float, armed: bool) -> None:
    detector = Detector(speaking=True, armed=False)

    detector.score(probability, Policy())

    assert detector.armed is armed


def test_a_turn_reads_as_its_words() -> None:
    assert Turn("item_1").text == ""
    assert Turn("item_1", words=["Good", "morning."]).text == "Good morning."
