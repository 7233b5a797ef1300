"""Detected speech, from pause scores."""

import pytest

from orchestrator.conversation import Policy
from orchestrator.conversation.turn import Detector, Turn


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
    assert Turn("item_1", ["Good", "morning."]).text == "Good morning."
