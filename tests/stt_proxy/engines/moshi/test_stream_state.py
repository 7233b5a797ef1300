from dataclasses import dataclass, field
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import Raw

from mesh.audio import FRAME_S, FRAME_SAMPLES, SAMPLE_RATE
from mesh.errors import UpstreamDown, UpstreamMisconfigured
from moshi_client.floats import packed_floats
from moshi_client.messages import EndWord, FromRecogniser, Marker, Step, Word
from stt_proxy.engine import Event, Flushed, Pause
from stt_proxy.engine import Word as Recognised
from stt_proxy.engines.moshi.stream_state import Model, StreamState

AT_ONCE = Model(warm_up_steps=0)
DELAY = 6


def step(*scores: float) -> Step:
    return Step(Raw(packed_floats(np.array(scores or (0.1, 0.2, 0.3, 0.4), np.float32))))


def took(state: StreamState, *messages: FromRecogniser) -> list[Event]:
    return [event for message in messages for event in state.take(message)]


def steps(count: int) -> list[FromRecogniser]:
    return [step()] * count


def pauses(events: list[Event]) -> list[float]:
    return [round(event.heard_s, 6) for event in events if isinstance(event, Pause)]


@pytest.mark.unmute("S9")
def test_a_pause_for_each_frame_once_the_model_has_warmed_up() -> None:
    state = StreamState(Model())
    state.sent(20 * FRAME_SAMPLES)
    events = took(state, *steps(20))
    assert pauses(events) == [round(n * FRAME_S, 6) for n in range(13, 21)]
    assert state.backlog_s == 0


@pytest.mark.unmute("S9")
@pytest.mark.parametrize(("head", "score"), [(0, 0.1), (2, 0.3), (3, 0.4)])
def test_the_head_is_a_setting(head: int, score: float) -> None:
    state = StreamState(Model(warm_up_steps=0, pause_head=head))
    state.sent(FRAME_SAMPLES)
    [pause] = took(state, step())
    assert isinstance(pause, Pause)
    assert pause.probability == pytest.approx(score)


@pytest.mark.unmute("C8")
@pytest.mark.parametrize(
    ("delay_s", "frames"), [(0.5, 8), (0.48, 7), (0.0, 1), (2.56, 33)], ids=["unmute", "1b", "none", "2.6b"]
)
def test_a_flush_is_silence_enough_for_the_delay(delay_s: float, frames: int) -> None:
    state = StreamState(Model(delay_s=delay_s))
    state.sent(3 * FRAME_SAMPLES)
    assert state.flush(1) == frames * FRAME_SAMPLES


@pytest.mark.unmute("S9")
def test_a_flush_is_answered_when_its_silence_has_been_taken_in_and_scores_nothing() -> None:
    state = StreamState(AT_ONCE)
    state.sent(2 * FRAME_SAMPLES)
    state.flush(7)
    state.sent(2 * FRAME_SAMPLES)
    assert pauses(took(state, *steps(9))) == [0.08, 0.16]
    assert took(state, step()) == [Flushed(7)]
    assert pauses(took(state, *steps(2))) == [0.24, 0.32]


def test_positions_after_a_flush_are_the_microphones() -> None:
    state = StreamState(AT_ONCE)
    state.sent(10 * FRAME_SAMPLES)
    state.flush(1)
    state.sent(20 * FRAME_SAMPLES)
    took(state, *steps(38))
    # In the engine's time, which has 0.64 s of silence more.
    assert took(state, Word("hi", 1.64), EndWord(2.04)) == [Recognised("hi", 1.0, 1.4)]


def test_flushes_with_nothing_between_them_share_their_silence_and_overlapping_ones_are_answered_in_order() -> None:
    state = StreamState(AT_ONCE)
    state.sent(FRAME_SAMPLES)
    assert state.flush(1) == 8 * FRAME_SAMPLES
    assert state.flush(2) == 0
    state.sent(FRAME_SAMPLES)
    assert state.flush(3) == 8 * FRAME_SAMPLES
    events = took(state, *steps(18))
    assert [event for event in events if isinstance(event, Flushed)] == [Flushed(1), Flushed(2), Flushed(3)]
    assert state.flush(4) == 8 * FRAME_SAMPLES
    assert took(state, *steps(8)) == [Flushed(4)]


def test_half_a_frame_is_filled_up() -> None:
    state = StreamState(AT_ONCE)
    state.sent(FRAME_SAMPLES // 2)
    assert state.flush(1) == FRAME_SAMPLES // 2 + 8 * FRAME_SAMPLES
    state.sent(FRAME_SAMPLES)
    events = took(state, *steps(10))
    assert pauses(events) == [0.04, 0.12]
    assert Flushed(1) in events


def test_a_word_does_not_wait_for_an_end_that_is_not_told() -> None:
    state = StreamState(AT_ONCE)
    state.sent(20 * FRAME_SAMPLES)
    took(state, *steps(10))
    assert took(state, Word("hi", 0.1)) == []
    word = took(state, step())[0]
    assert isinstance(word, Recognised)
    assert word.text == "hi"
    assert [word.start_s, word.end_s] == pytest.approx([0.1, 0.3])
    assert took(state, EndWord(0.2)) == []


def test_the_finish_answers_and_ends() -> None:
    state = StreamState(AT_ONCE)
    state.sent(FRAME_SAMPLES)
    state.flush(None)
    took(state, *steps(8))
    assert not state.finished
    took(state, Word("hi", 0.0), EndWord(0.08), step())
    assert state.finished
    assert state.unanswered == 0


def test_a_step_for_audio_that_was_never_sent_is_of_the_stream_before() -> None:
    state = StreamState(AT_ONCE)
    assert took(state, *steps(5)) == []
    state.sent(FRAME_SAMPLES)
    assert pauses(took(state, *steps(5))) == [0.08]


def test_markers_mean_nothing() -> None:
    assert took(StreamState(AT_ONCE), Marker(1)) == []


@pytest.mark.parametrize("score", [float("nan"), 7.0, -1.0])
def test_a_score_that_is_no_probability_is_a_fault(score: float) -> None:
    state = StreamState(AT_ONCE)
    state.sent(FRAME_SAMPLES)
    with pytest.raises(UpstreamDown):
        took(state, step(score, score, score))


def test_a_model_with_too_few_heads_is_named() -> None:
    state = StreamState(AT_ONCE)
    state.sent(FRAME_SAMPLES)
    with pytest.raises(UpstreamMisconfigured, match="2 pause scores"):
        took(state, step(0.1, 0.2))


def test_a_model_that_scores_no_pauses_is_named() -> None:
    state = StreamState(AT_ONCE)
    state.sent(50 * FRAME_SAMPLES)
    with pytest.raises(UpstreamMisconfigured, match="no pauses"):
        took(state, *[Word("hi", 0.1)] * 3)


@dataclass
class Engine:
    """Does what the real one does with a stream: a step a frame, and words `DELAY` steps after they end."""

    state: StreamState
    spoken: list[tuple[str, int]] = field(default_factory=list)
    """Words that were spoken and not told yet, and where they end in what was sent."""
    sent: int = 0
    steps: int = 0
    boundary_s: float = 0.0

    def step(self, *, ends: bool) -> list[Event]:
        if self.sent < (self.steps + 1) * FRAME_SAMPLES:
            return []
        self.steps += 1
        messages: list[FromRecogniser] = [step()]
        known = (self.steps - DELAY) * FRAME_SAMPLES
        while self.spoken and self.spoken[0][1] <= known:
            text, _ = self.spoken.pop(0)
            messages.append(Word(text, self.boundary_s))
            self.boundary_s = known / SAMPLE_RATE
            if ends:
                messages.append(EndWord(self.boundary_s))
        return took(self.state, *messages)


ACTIONS = st.lists(
    st.tuples(st.sampled_from(["audio", "audio", "word", "flush", "step", "step"]), st.integers(1, 3 * FRAME_SAMPLES)),
    max_size=60,
)


@given(ACTIONS, st.booleans(), st.sampled_from([0.48, 0.5]))
def test_no_word_is_late_for_its_flush_and_no_position_drifts(
    actions: list[tuple[str, int]], ends: bool, delay_s: float
) -> None:
    state = StreamState(Model(delay_s=delay_s, warm_up_steps=0))
    engine = Engine(state)
    microphone, flush_id = 0, 0
    truth: dict[str, int] = {}
    due: dict[int, set[str]] = {}
    told: list[Recognised] = []

    def note(events: list[Event]) -> None:
        for event in events:
            match event:
                case Recognised():
                    told.append(event)
                case Flushed(answered):
                    assert due.pop(answered) <= {word.text for word in told}
                case Pause():
                    assert event.heard_s <= microphone / SAMPLE_RATE + 1e-9

    for action, number in [*actions, ("flush", 1)]:
        match action:
            case "audio" | "word":
                microphone += number
                engine.sent += number
                state.sent(number)
                if action == "word":
                    text = f"w{len(truth)}"
                    truth[text] = microphone
                    engine.spoken.append((text, engine.sent))
            case "flush":
                flush_id += 1
                due[flush_id] = set(truth)
                engine.sent += state.flush(flush_id)
            case "step":
                note(engine.step(ends=ends))
    while engine.sent >= (engine.steps + 1) * FRAME_SAMPLES:
        note(engine.step(ends=ends))
    assert due == {}
    assert [word.text for word in told] == list(truth)
    assert all(one.start_s <= other.start_s for one, other in pairwise(told))
    for word in told:
        # The engine tells of whole frames, and an end that was not told is guessed a frame later at most.
        early = 0.021 if delay_s > DELAY * FRAME_S else 0.001
        assert truth[word.text] / SAMPLE_RATE - early <= word.end_s <= truth[word.text] / SAMPLE_RATE + 2 * FRAME_S
