"""Events in any order, whether their contract allows it or not: a conversation neither fails nor runs in circles.

`test_invariants` has the laws that hold while everybody keeps to the contract.
"""

import os

from hypothesis import given, settings
from hypothesis import strategies as st

from orchestrator.conversation import Policy, State
from orchestrator.conversation import actions as act
from orchestrator.conversation import events as ev
from orchestrator.conversation.actions import Action
from orchestrator.conversation.transcript import ReplySoFar
from tests.orchestrator.conversation.lockstep import rewritten
from tests.orchestrator.conversation.player import MOST_CALLS_AT_ONCE
from tests.orchestrator.conversation.watched import Watched

NUMBERS = st.sampled_from([-1.0, 0.0, 0.05, 0.1, 0.5, 0.9, 2.0, 1e9])
REPLIES = st.sampled_from(["reply_0", "reply_1", "reply_1", "reply_2", "reply_3", "speculative_1", "speculative_2"])
SAMPLES = st.sampled_from([0, 1, 1_000, 24_000, 10_000_000])
TEXTS = st.sampled_from(["", " ", "...", "one", " two.", " Bye!", "a b"])

EVENTS: st.SearchStrategy[ev.Event] = st.one_of(
    st.builds(
        ev.SessionConfigured,
        st.builds(
            Policy,
            greeting=st.booleans(),
            goodbye=st.booleans(),
            silence_timeout=st.sampled_from([0.0, 0.5]),
            confirmation_time=st.sampled_from([0.0, 1.0]),
            spoken=st.booleans(),
            speculative=st.booleans(),
            uninterruptible_window=st.sampled_from([0.0, 3.0]),
        ),
        st.sampled_from([None, "", "Be kind."]),
    ),
    st.builds(ev.MicrophoneAudioArrived, SAMPLES),
    st.builds(ev.PauseScored, NUMBERS, NUMBERS),
    st.builds(ev.WordRecognized, TEXTS, NUMBERS, NUMBERS),
    st.builds(ev.PartialRecognized, TEXTS),
    st.builds(ev.Flushed, st.integers(-1, 4)),
    st.builds(ev.UserTyped, TEXTS, st.sampled_from([None, "mine"])),
    st.builds(ev.FinishRequested),
    st.builds(
        ev.ConversationResumed,
        SAMPLES,
        st.just(()) | st.tuples(TEXTS),
        st.none() | st.builds(ReplySoFar, REPLIES, TEXTS, TEXTS),
    ),
    st.builds(ev.ReplyTextArrived, REPLIES, TEXTS),
    st.builds(ev.ReplyTextCompleted, REPLIES),
    st.builds(ev.ReplyAudioArrived, REPLIES, SAMPLES),
    st.builds(ev.ReplyWordTimed, REPLIES, TEXTS, NUMBERS, NUMBERS),
    st.builds(ev.ReplyPlaybackReported, REPLIES, NUMBERS, st.booleans()),
    st.builds(ev.ReplyAudioCompleted, REPLIES),
    st.builds(ev.ReplyTextFailed, REPLIES, st.booleans()),
    st.builds(ev.ReplyAudioFailed, REPLIES, st.booleans()),
)
MOMENTS = st.sampled_from([0.0, 0.0, 0.01, 0.08, 0.5, 1.1, 60.0])


class Living:
    """Which reply is alive, and whether the conversation is, told from actions alone."""

    def __init__(self) -> None:
        self.reply_id: str | None = None
        self.speculative_id: str | None = None
        self.ended = False

    def do(self, actions: list[Action]) -> None:
        for action in actions:
            assert not self.ended
            match action:
                case act.PrepareReply(speculative=True):
                    assert self.speculative_id is None
                    self.speculative_id = action.reply_id
                case act.PrepareReply():
                    assert self.reply_id is None
                    self.reply_id = action.reply_id
                case act.ConfirmSpeculativeReply():
                    assert (self.reply_id, self.speculative_id) == (None, action.speculative_id)
                    self.reply_id, self.speculative_id = action.reply_id, None
                case act.DropSpeculativeReply():
                    assert self.speculative_id == action.reply_id
                    self.speculative_id = None
                case act.CancelReply() | act.ReplyFinishedNotice():
                    assert action.reply_id == self.reply_id
                    self.reply_id = None
                case (
                    act.ReleaseAudio()
                    | act.ReplyWordNotice()
                    | act.ReplyTextNotice()
                    | act.ReplyTextDoneNotice()
                    | act.ReplyReleasedNotice()
                    | act.WarnOfLostVoice()
                    | act.ResumeSynthesis()
                    | act.ResumeText()
                    | act.AbandonText()
                ):
                    assert action.reply_id == self.reply_id
                case act.EndConversation():
                    self.ended = True


@settings(max_examples=20_000 if os.environ.get("PARLEY_FUZZ") == "long" else 500)
@given(st.lists(st.tuples(MOMENTS, EVENTS), max_size=40))
def test_nothing_that_happens_breaks_it(happenings: list[tuple[float, ev.Event]]) -> None:
    conversation, living, now = Watched(), Living(), 0.0
    for seconds, event in happenings:
        now += seconds
        if isinstance(event, ev.ConversationResumed):
            living.speculative_id = None  # It was lost with the process that had begun it.
        living.do(conversation.handle(event, now))
        assert rewritten(conversation.state) == conversation.state
        for _ in range(MOST_CALLS_AT_ONCE):
            if conversation.deadline is None or conversation.deadline > now:
                break
            living.do(conversation.handle_timeout(now))
        else:
            raise AssertionError(f"no progress at {now}: the deadline is {conversation.deadline}")
    assert rewritten(conversation.state) == conversation.state
    assert (conversation.state.reply.reply_id if conversation.state.reply else None) == living.reply_id


def test_a_clock_that_jumps_ahead_does_everything_that_was_due_and_no_more() -> None:
    conversation, living = Watched(State(policy=Policy(silence_timeout=7.0, goodbye=True))), Living()
    for event in (
        ev.UserTyped("Hi."),
        ev.ReplyTextArrived("reply_1", " Hello."),
        ev.ReplyTextCompleted("reply_1"),
        ev.ReplyWordTimed("reply_1", "Hello.", 0.0, 0.3),
        ev.ReplyAudioArrived("reply_1", 24_000),
        ev.ReplyAudioCompleted("reply_1"),
    ):
        living.do(conversation.handle(event, 1.0))

    # A laptop that slept for a day: nobody heard what was never sent, so that nothing has been silent for long yet.
    wakes: list[float] = []
    now = 86_400.0
    while len(wakes) < 30 and conversation.deadline is not None and conversation.state.replies == 1:
        wakes.append(now)
        living.do(conversation.handle_timeout(now))
        assert conversation.deadline is None or conversation.deadline > now
        now = conversation.deadline or now

    assert living.reply_id == "reply_2"
    # The rest is sent from then on: 0.68 s of it, the last 0.32 s ahead; the silence is broken 8 s after that.
    assert 86_408.0 < wakes[-1] < 86_409.0
