"""Whatever happens, in whatever order, a conversation keeps its laws.

`PARLEY_FUZZ=long` looks for much longer than continuous integration has time for.
"""

import os

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, precondition, rule, run_state_machine_as_test

from orchestrator.conversation import Policy
from orchestrator.conversation import events as ev
from orchestrator.conversation.actions import Action
from orchestrator.conversation.policy import FRAME_SAMPLES, SAMPLE_RATE
from tests.orchestrator.conversation.ledger import Ledger
from tests.orchestrator.conversation.listening import HeardReply
from tests.orchestrator.conversation.lockstep import Lockstep
from tests.orchestrator.conversation.player import NEXT_TO_NOTHING, deadlines

LONG = os.environ.get("PARLEY_FUZZ") == "long"
SETTINGS = settings(
    max_examples=20_000 if LONG else 250,
    stateful_step_count=100 if LONG else 50,
    print_blob=True,
)

MOMENTS = st.sampled_from([0.0, 0.01, 0.05, 0.08, 0.1, 0.2, 0.33, 0.5, 1.0, 9.0])
SCORES = st.sampled_from([0.0, 0.1, 0.39, 0.4, 0.5, 0.6, 0.61, 0.9, 1.0])
POLICIES = st.builds(
    Policy,
    greeting=st.booleans(),
    goodbye=st.booleans(),
    silence_timeout=st.sampled_from([0.0, 0.5, 7.0]),
    pacing_lead=st.sampled_from([0.08, 0.32, 1.0]),
    confirmation_time=st.sampled_from([0.0, 1.0, 1.0]),
    spoken=st.sampled_from([True, True, True, False]),
    uninterruptible_window=st.sampled_from([0.0, 3.0]),
    settle_time=st.sampled_from([0.0, 1.0]),
    flush_timeout=st.sampled_from([0.0, 1.0]),
    end_of_turn_delay=st.sampled_from([0.0, 0.0, 0.5]),
    speculative=st.booleans(),
)
SAMPLES = st.sampled_from([1, 240, 1_000, FRAME_SAMPLES, 5 * FRAME_SAMPLES, SAMPLE_RATE])
SECONDS = st.sampled_from([0.05, 0.1, 0.3, 0.8])
RARE = [
    "the_timer_is_late",
    "a_word_comes_unexpected",
    "a_turn_is_typed",
    "the_client_finishes",
    "the_model_has_written",
    "the_model_fails",
    "the_model_fails_for_good",
    "the_synthesis_fails_for_good",
    "the_microphone_is_muted",
    "an_old_flush_is_answered",
    "something_comes_for_a_dead_reply",
    "a_player_has_stopped",
    "a_player_has_stopped",
]


class Converse(RuleBasedStateMachine):
    """A person, a recogniser, a model and a synthesis that do as they please, as far as their contracts let them."""

    def __init__(self) -> None:
        super().__init__()
        self.conversation = Lockstep()
        self.ledger = Ledger()
        self.now = 0.0
        self.names = 0
        self.unanswered: list[int] = []
        """Flushes that were not answered yet."""
        self.finished = False
        self.muted = False
        self.writing: str | None = None
        """The reply whose text is not complete."""
        self.silenced: str | None = None
        """The reply that will not get more speech."""
        self.sound = True
        """No law was broken yet."""

    # --- driving --------------------------------------------------------------------------------------------------

    def happens(self, event: ev.Event) -> None:
        self.sound = False
        self.ledger.happens(event, self.now)
        self.account(self.conversation.handle(event, self.now))
        self.sound = True

    def account(self, actions: list[Action]) -> None:
        asked, replied = len(self.ledger.flushes), self.ledger.reply
        self.ledger.does(actions, self.now, self.conversation.state.policy.pacing_lead)
        self.ledger.agrees_with(self.conversation.state, self.now)
        self.unanswered += self.ledger.flushes[asked:]
        if self.ledger.reply is not replied:
            reply = self.ledger.reply
            self.writing = reply.reply_id if reply and not reply.text_ended else None
            self.silenced = reply.reply_id if reply and reply.complete else self.silenced

    def wake(self, now: float) -> None:
        self.now, self.sound = now, False
        self.account(self.conversation.handle_timeout(now))
        self.sound = True

    def name(self) -> str:
        """Return a word that nobody has used."""
        self.names += 1
        return f"w{self.names}"

    @property
    def reply(self) -> HeardReply | None:
        return self.ledger.reply

    @property
    def living(self) -> HeardReply:
        assert self.ledger.reply
        return self.ledger.reply

    @initialize(policy=POLICIES)
    def begin(self, policy: Policy) -> None:
        self.happens(ev.SessionConfigured(policy))

    # --- time -----------------------------------------------------------------------------------------------------

    @rule(seconds=MOMENTS)
    def time_passes(self, seconds: float) -> None:
        until = self.now + seconds
        for now in deadlines(self.conversation, until):
            self.wake(now)
        self.now = until
        if not self.muted and not self.finished:
            self.happens(ev.MicrophoneAudioArrived(round(seconds * SAMPLE_RATE)))

    @rule()
    def the_next_deadline_comes(self) -> None:
        if self.conversation.deadline is not None:
            for now in deadlines(self.conversation, self.conversation.deadline + NEXT_TO_NOTHING):
                self.wake(now)

    def the_timer_is_late(self) -> None:
        self.wake(self.now + 1.7)

    # --- the person -----------------------------------------------------------------------------------------------

    @rule(probability=SCORES)
    def a_pause_is_scored(self, probability: float) -> None:
        self.happens(ev.PauseScored(probability, self.now))

    @precondition(lambda self: self.ledger.floor)
    @rule()
    def a_word_is_recognized(self) -> None:
        self.a_word_comes_unexpected()

    @precondition(lambda self: self.unanswered)
    @rule()
    def a_flush_is_answered(self) -> None:
        self.happens(ev.Flushed(self.unanswered.pop(0)))

    @precondition(lambda self: not self.reply)
    @rule()
    def a_turn_is_spoken(self) -> None:
        self.a_word_comes_unexpected()
        self.a_pause_is_scored(0.9)
        self.time_passes(0.1)
        while self.unanswered:
            self.a_flush_is_answered()

    def a_word_comes_unexpected(self) -> None:
        text = self.name()
        self.happens(ev.PartialRecognized(text))
        self.happens(ev.WordRecognized(text, self.now - 0.4, self.now - 0.1))

    def a_turn_is_typed(self) -> None:
        if not self.finished:
            text = self.name()
            self.happens(ev.UserTyped(text, f"typed_{text}" if self.names % 2 else None))

    def the_client_finishes(self) -> None:
        if not self.finished:
            self.finished = True
            self.happens(ev.FinishRequested())

    # --- the model ------------------------------------------------------------------------------------------------

    @precondition(lambda self: self.writing)
    @rule(text=st.sampled_from([None, None, " ", " bye!"]))
    def the_model_writes(self, text: str | None) -> None:
        self.happens(ev.ReplyTextArrived(self.living.reply_id, text or f" {self.name()}"))

    @precondition(lambda self: self.writing and self.living.written)
    @rule()
    def the_model_has_written(self) -> None:
        if self.writing:
            self.writing = None
            self.happens(ev.ReplyTextCompleted(self.living.reply_id))

    def can_speak(self) -> bool:
        return self.reply is not None and self.reply.spoken and self.reply.reply_id != self.silenced

    def has_words(self) -> bool:
        """Whether there is a written word that was not spoken yet."""
        return self.can_speak() and self.living.next_text < len(self.living.texts)

    @precondition(lambda self: self.can_speak() and self.living.written.strip())
    @rule(samples=SAMPLES)
    def speech_arrives(self, samples: int) -> None:
        self.happens(ev.ReplyAudioArrived(self.living.reply_id, samples))

    @precondition(has_words)
    @rule(seconds=SECONDS)
    def a_word_is_timed(self, seconds: float) -> None:
        reply = self.living
        at = reply.next_text
        start = max(reply.words[-1].end if reply.words else 0.0, reply.resumed_at)
        end = round(start + seconds, 2)
        self.happens(ev.ReplyWordTimed(reply.reply_id, reply.texts[at].strip().upper(), start, end, at + 1))

    @precondition(lambda self: self.can_speak() and not self.writing)
    @rule()
    def all_is_synthesized(self) -> None:
        self.silenced = self.living.reply_id
        self.happens(ev.ReplyAudioCompleted(self.living.reply_id))

    @precondition(lambda self: self.writing and self.can_speak())
    @rule(samples=SAMPLES, words=st.integers(1, 3))
    def much_of_a_reply_arrives(self, samples: int, words: int) -> None:
        for _ in range(words):
            self.the_model_writes(None)
            self.a_word_is_timed(0.3)
        self.speech_arrives(samples)
        self.speech_arrives(SAMPLE_RATE)

    @precondition(lambda self: self.reply and self.reply.released and not self.ledger.floor)
    @rule(seconds=MOMENTS, meant=st.booleans())
    def a_reply_is_spoken_over(self, seconds: float, meant: bool) -> None:
        self.a_pause_is_scored(0.9)
        self.a_pause_is_scored(0.1)
        self.time_passes(seconds)
        if meant:
            self.a_word_comes_unexpected()

    @precondition(lambda self: self.reply and self.reply.released)
    @rule(share=st.sampled_from([0.0, 0.3, 0.5, 1.0, 1.0, 2.0]), paused=st.booleans())
    def the_client_reports(self, share: float, paused: bool) -> None:
        played = share * self.living.released / SAMPLE_RATE
        self.happens(ev.ReplyPlaybackReported(self.living.reply_id, played, paused))

    @precondition(lambda self: self.reply and self.reply.released)
    @rule(paused=st.booleans())
    def the_client_agrees(self, paused: bool) -> None:
        self.happens(ev.ReplyPlaybackReported(self.living.reply_id, self.living.heard(self.now), paused))

    def the_model_fails(self) -> None:
        if self.writing:
            self.happens(ev.ReplyTextFailed(self.living.reply_id))

    def the_model_fails_for_good(self) -> None:
        if self.writing:
            self.happens(ev.ReplyTextFailed(self.living.reply_id, lasting=True))
            self.the_model_has_written()

    @precondition(lambda self: self.can_speak())
    @rule()
    def the_synthesis_fails(self) -> None:
        self.loses_the_voice(lasting=False)

    def the_synthesis_fails_for_good(self) -> None:
        if self.can_speak():
            self.loses_the_voice(lasting=True)

    def loses_the_voice(self, *, lasting: bool) -> None:
        reply = self.living
        self.happens(ev.ReplyAudioFailed(reply.reply_id, lasting=lasting))
        if self.reply is reply and reply.complete:
            self.silenced = reply.reply_id

    @precondition(lambda self: self.ledger.speculative)
    @rule(what=st.sampled_from(["words", "words", "all", "text fails", "voice fails"]))
    def a_speculative_reply_goes_on(self, what: str) -> None:
        speculative = self.ledger.speculative
        assert speculative
        match what:
            case "words" if not speculative.text_ended:
                self.happens(ev.ReplyTextArrived(speculative.reply_id, f" {self.name()}"))
                start, at = speculative.words[-1].end if speculative.words else 0.0, len(speculative.texts)
                text = speculative.texts[-1].strip()
                self.happens(ev.ReplyWordTimed(speculative.reply_id, text, start, round(start + 0.3, 2), at))
                self.happens(ev.ReplyAudioArrived(speculative.reply_id, 4 * FRAME_SAMPLES))
            case "all" if speculative.texts and not speculative.complete:
                self.happens(ev.ReplyTextCompleted(speculative.reply_id))
                self.happens(ev.ReplyAudioCompleted(speculative.reply_id))
            case "text fails":
                self.happens(ev.ReplyTextFailed(speculative.reply_id))
            case "voice fails":
                self.happens(ev.ReplyAudioFailed(speculative.reply_id))

    # --- what happens now and then ----------------------------------------------------------------------------------

    @rule(what=st.sampled_from(RARE))
    def something_rare_happens(self, what: str) -> None:
        getattr(self, what)()

    @precondition(lambda self: not self.finished)
    @rule(policy=POLICIES, instructions=st.sampled_from([None, "", "Be kind."]))
    def the_session_is_configured(self, policy: Policy, instructions: str | None) -> None:
        self.happens(ev.SessionConfigured(policy, instructions))

    def the_microphone_is_muted(self) -> None:
        self.muted = not self.muted

    def an_old_flush_is_answered(self) -> None:
        for flush_id in sorted({0, *self.ledger.flushes} - {*self.unanswered}):
            self.happens(ev.Flushed(flush_id))

    def something_comes_for_a_dead_reply(self) -> None:
        alive = {each.reply_id for each in (self.reply, self.ledger.speculative) if each}
        for reply_id in sorted({"reply_0", *self.ledger.replies} - alive):
            self.happens(ev.ReplyTextArrived(reply_id, " gone"))
            self.happens(ev.ReplyAudioArrived(reply_id, SAMPLE_RATE))
            self.happens(ev.ReplyWordTimed(reply_id, "gone", 0.0, 0.1))
            self.happens(ev.ReplyPlaybackReported(reply_id, 9.0))
            self.happens(ev.ReplyTextFailed(reply_id))
            self.happens(ev.ReplyAudioFailed(reply_id))

    def a_player_has_stopped(self) -> None:
        if cut := self.ledger.cut:
            for share in (0.4, 0.9, 2.0):
                self.happens(ev.ReplyPlaybackReported(cut.reply_id, share * cut.released / SAMPLE_RATE, paused=True))

    # --- every conversation can end -------------------------------------------------------------------------------

    def teardown(self) -> None:
        """Let the client finish and everybody else do their duty: then the conversation ends."""
        if not self.sound:
            return
        if not self.finished:
            self.the_client_finishes()
        for _ in range(10_000):
            if self.ledger.ended:
                break
            if self.unanswered:
                self.a_flush_is_answered()
            elif self.writing:
                self.the_model_has_written()
            elif self.can_speak():
                self.all_is_synthesized()
            else:
                assert self.conversation.deadline is not None, "nothing will ever happen again"
                self.wake(self.conversation.deadline)
        assert self.ledger.ended
        assert self.conversation.deadline is None


@pytest.mark.timeout(0)  # making a failure small may take minutes, and is worth them
def test_a_conversation_keeps_its_laws() -> None:
    run_state_machine_as_test(Converse, settings=SETTINGS)
