"""The listener's clock, where a script cannot go: timers that are late, and times that are not round."""

import random

import pytest

from orchestrator.conversation.playout import Playout, TimedWord
from orchestrator.conversation.policy import FRAME_SAMPLES, SAMPLE_RATE

LEAD = 0.32


@pytest.mark.unmute("B15")
def test_a_timer_that_is_a_little_late_catches_up() -> None:
    playout = Playout(arrived=20 * FRAME_SAMPLES)

    assert playout.release(1.00, LEAD) == 4 * FRAME_SAMPLES
    assert playout.release(1.20, LEAD) == 2 * FRAME_SAMPLES
    assert playout.heard(1.20) == pytest.approx(0.20)


def test_a_timer_that_is_later_than_the_lead_leaves_a_gap() -> None:
    playout = Playout(arrived=20 * FRAME_SAMPLES)
    playout.release(1.00, LEAD)

    assert playout.release(2.00, LEAD) == 4 * FRAME_SAMPLES
    assert playout.heard(2.00) == pytest.approx(0.32)
    assert playout.heard(2.10) == pytest.approx(0.42)


def test_nothing_is_heard_before_anything_is_released() -> None:
    playout = Playout(arrived=FRAME_SAMPLES, words=[TimedWord("Well,", 0.0, 0.08)])

    assert playout.heard(9.0) == 0.0
    assert playout.heard_text(9.0) == ""
    assert playout.announce(9.0) == []


def test_what_was_released_is_all_that_can_be_heard() -> None:
    playout = Playout(arrived=10 * FRAME_SAMPLES)
    playout.release(1.00, LEAD)

    assert playout.heard(60.0) == LEAD


@pytest.mark.unmute("B15")
@pytest.mark.parametrize("lead", [0.0, 0.01, 0.08, 0.1, 0.32, 60.0])
@pytest.mark.parametrize("seed", range(5))
def test_at_its_deadlines_it_releases_everything(lead: float, seed: int) -> None:
    """Whatever the rounding errors of a time, each deadline releases something, and only the last is short."""
    begins = random.Random(seed).uniform(0.0, 10_000.0)  # noqa: S311 - odd numbers are all that is asked for
    playout = Playout(arrived=100 * FRAME_SAMPLES + 7, complete=True)
    now: float | None = begins
    sizes = []
    while now is not None:
        sizes.append(playout.release(now, lead))
        now = playout.deadline(lead)

    assert playout.done
    assert all(size > 0 for size in sizes)
    assert [size % FRAME_SAMPLES for size in sizes] == [0] * (len(sizes) - 1) + [7]
    assert playout.heard_at - begins == pytest.approx(playout.arrived / SAMPLE_RATE)


def test_held_it_has_only_words_to_wait_for() -> None:
    playout = Playout(arrived=10 * FRAME_SAMPLES, words=[TimedWord("Well,", 0.2, 0.4), TimedWord("so.", 0.4, 0.8)])
    playout.release(1.00, LEAD)

    assert playout.deadline(None) == pytest.approx(1.20)
    assert playout.announce(1.20) == [TimedWord("Well,", 0.2, 0.4)]
    assert playout.deadline(None) is None
