"""The measure of gaps finds those that are there."""

import pytest

from tests.unmute.occurrences import Occurrence, Received
from tests.unmute.playout import BUFFER_S, gaps
from tests.unmute.test_rules import created, sound


def reply(*arrivals: float, first_page: int = 2) -> list[Occurrence]:
    """A reply of pages of 40 ms that come at these times."""
    told: list[Occurrence] = [Received(arrivals[0], created())]
    return [*told, *(Received(at, sound(first_page + number)) for number, at in enumerate(arrivals))]


def test_sound_that_comes_in_time_has_no_gap() -> None:
    assert gaps(reply(0.0, 0.04, 0.08, 0.12)) == [0.0]


def test_sound_that_comes_late_is_a_gap() -> None:
    (gap,) = gaps(reply(0.0, 0.5))
    assert gap == pytest.approx(0.5 - BUFFER_S - 0.04)


def test_every_reply_is_measured_by_itself() -> None:
    assert gaps([*reply(0.0, 0.04), *reply(9.0, 9.04, first_page=4)]) == [0.0, 0.0]


def test_nothing_is_nothing() -> None:
    assert gaps([]) == []
