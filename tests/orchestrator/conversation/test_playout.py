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


# --- the edges of what counts as heard ----------------------------------------------------------------------------

ONE_TWO = [TimedWord("One", 0.0, 0.5), TimedWord("two.", 0.5, 1.0)]


@pytest.mark.parametrize(("position", "text"), [(0.49, ""), (0.5, "One"), (0.99, "One"), (1.0, "One two.")])
def test_a_word_is_heard_when_its_end_is(position: float, text: str) -> None:
    assert Playout(words=ONE_TWO).text_until(position) == text


def released(*, played: float = 0.0) -> Playout:
    """A second of audio, all of it sent by time 1.0, when the first sample is heard."""
    playout = Playout(arrived=SAMPLE_RATE, complete=True, words=list(ONE_TWO))
    playout.release(1.0, 60.0)
    playout.report(1.0, played, paused=False)
    return playout


@pytest.mark.parametrize(
    ("now", "played", "over"),
    [(1.99, 0.0, False), (2.0, 0.0, True), (1.0, 0.99, False), (1.01, 0.99, True), (1.0, 1.0, True)],
)
def test_all_is_heard_when_the_last_sample_is_or_the_client_says_so(now: float, played: float, *, over: bool) -> None:
    assert released(played=played).is_heard_out(now) is over


@pytest.mark.parametrize(("now", "gap"), [(1.31, 0.0), (1.32, 0.0), (1.33, 0.01)])
def test_a_frame_sent_when_the_last_has_just_been_heard_leaves_no_gap(now: float, gap: float) -> None:
    playout = Playout(arrived=20 * FRAME_SAMPLES)
    playout.release(1.0, LEAD)
    playout.release(now, LEAD)
    assert playout.origin == pytest.approx(1.0 + gap)


@pytest.mark.parametrize(("played", "due"), [(0.49, [1.0, 1.01]), (0.5, [1.0, 1.0]), (0.51, [1.0, 1.0])])
def test_a_word_has_begun_where_the_client_says_it_has_got_to(played: float, due: list[float]) -> None:
    playout = released(played=played)
    assert [word.text for word in playout.announce(1.0)] == ["One", "two."][: due.count(1.0)]
    assert playout.deadline(None) == (pytest.approx(due[1]) if due[1] > 1.0 else None)


@pytest.mark.parametrize(("start", "announced"), [(0.31, True), (0.32, False), (0.33, False)])
def test_a_word_that_begins_where_the_audio_ends_so_far_waits_for_more(start: float, *, announced: bool) -> None:
    playout = Playout(arrived=20 * FRAME_SAMPLES, words=[TimedWord("Well.", start, 0.5)])
    playout.release(1.0, LEAD)
    assert (playout.deadline(None) is not None) is announced


@pytest.mark.parametrize("played", [0.4, 0.2])
def test_a_report_never_takes_back_what_was_played(played: float) -> None:
    playout = released(played=0.4)
    playout.report(1.2, played, paused=True)
    assert playout.played == 0.4
    assert playout.origin == pytest.approx(1.2 - 0.4 + 1.0)


def test_a_word_at_the_very_place_that_was_reported_is_being_heard() -> None:
    playout = Playout(arrived=20 * FRAME_SAMPLES, words=[TimedWord("Well,", 0.16, 0.32)])
    playout.release(1.00, LEAD)
    playout.report(1.16, 0.16, paused=True)

    assert [word.text for word in playout.announce(1.16)] == ["Well,"]


def test_a_word_before_the_place_that_was_reported_has_begun_whatever_the_clock_says() -> None:
    playout = Playout(arrived=20 * FRAME_SAMPLES, words=[TimedWord("Well,", 0.08, 0.32)])
    playout.release(0.10, LEAD)
    playout.report(0.20, 0.16, paused=True)

    assert [word.text for word in playout.announce(0.20)] == ["Well,"]


def test_a_reply_that_is_heard_from_time_0_on_is_released_by_that_clock() -> None:
    playout = Playout(arrived=20 * FRAME_SAMPLES)
    playout.release(0.0, LEAD)

    assert playout.deadline(LEAD) == pytest.approx(0.08)


@pytest.mark.parametrize(
    ("sample", "left"), [(0, ""), (11_999, ""), (12_000, "One"), (23_999, "One"), (24_000, "One two")]
)
def test_a_word_whose_audio_is_lost_is_forgotten_with_it(sample: int, left: str) -> None:
    playout = Playout(arrived=30_000, words=[TimedWord("One", 0.0, 0.5), TimedWord("two", 0.5, 1.0)])
    playout.cut(sample)
    assert " ".join(word.text for word in playout.words) == left
    assert playout.arrived == sample
