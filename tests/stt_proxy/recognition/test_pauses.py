from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.conversation import Policy
from stt_proxy.recognition.pauses import PAUSING_ABOVE, SPEAKING_BELOW, PauseScore

CHUNK_S = 0.032
SPEECH, SILENCE = 0.99, 0.02

Part = tuple[float, float]
"""A probability of speech, and for how many seconds."""


def heard(*parts: Part) -> PauseScore:
    score = PauseScore()
    for probability, lasting in parts:
        for _ in range(round(lasting / CHUNK_S)):
            score.feed(probability, CHUNK_S)
    return score


def test_the_orchestrator_decides_by_the_same_numbers() -> None:
    assert (Policy().speech_threshold, Policy().pause_threshold) == (SPEAKING_BELOW, PAUSING_ABOVE)


def seconds_until(score: PauseScore, probability: float, *, speaking: bool) -> float:
    for chunks in range(100):
        if score.speaking is speaking:
            return chunks * CHUNK_S
        score.feed(probability, CHUNK_S)
    raise AssertionError("never")


def test_a_stream_begins_with_a_pause() -> None:
    score = PauseScore()
    assert score.probability == 1.0
    assert not score.speaking


def test_speech_is_noticed_within_a_fifth_of_a_second() -> None:
    assert 0.1 < seconds_until(PauseScore(), SPEECH, speaking=True) <= 0.2


def test_a_pause_is_one_after_half_a_second_less_what_the_detector_is_late() -> None:
    assert 0.3 < seconds_until(heard((SPEECH, 1)), SILENCE, speaking=False) < 0.4


@pytest.mark.parametrize(
    ("parts", "lowest", "highest"),
    [
        pytest.param([(SILENCE, 5)], 1.0, 1.0, id="silence"),
        pytest.param([(SPEECH, 1)], 0.0, 0.0, id="speech"),
        pytest.param([(SPEECH, 2), (SILENCE, 0.8)], 1.0, 1.0, id="long silence after speech"),
        pytest.param([(SPEECH, 2), (SILENCE, 0.2)], 0.2, 0.4, id="a gap between words"),
        pytest.param([(SPEECH, 2), (SILENCE, 0.2), (SPEECH, 0.1)], 0.0, 0.05, id="the word after the gap"),
        pytest.param([(SILENCE, 1), (SPEECH, 0.12)], SPEAKING_BELOW, 0.6, id="a cough's vowel"),
        pytest.param([(SILENCE, 1), (SPEECH, 0.12), (SILENCE, 0.13)], 0.99, 1.0, id="and after it"),
        pytest.param([(SILENCE, 1), *[(SPEECH, 0.1), (SILENCE, 0.1)] * 6], 0.95, 1.0, id="a fit of coughing"),
        pytest.param([(0.4, 9)], 1.0, 1.0, id="a detector that cannot tell"),
        pytest.param([(SPEECH, 1), (0.4, 9)], 0.0, 0.0, id="a detector that cannot tell, in speech"),
    ],
)
def test_scores(parts: Iterable[Part], lowest: float, highest: float) -> None:
    assert lowest <= heard(*parts).probability <= highest + 1e-6


@given(st.lists(st.floats(0, 1), max_size=400))
def test_scores_are_probabilities_and_agree_with_who_speaks(probabilities: list[float]) -> None:
    score = PauseScore()
    for probability in probabilities:
        was_speaking = score.speaking
        score.feed(probability, CHUNK_S)
        assert 0 <= score.probability <= 1
        if score.probability < SPEAKING_BELOW:
            assert score.speaking
        elif score.probability > PAUSING_ABOVE:
            assert not score.speaking
        else:
            assert score.speaking is was_speaking
