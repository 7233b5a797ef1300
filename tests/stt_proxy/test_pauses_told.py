"""Which scores of a pause a caller is told, as tables."""

import pytest

from stt_proxy.engine import Event, Flushed, Partial, Pause, Word
from stt_proxy.service import PauseFilter

WORD, PARTIAL, FLUSHED = Word("hello", 0.0, 0.5), Partial("hell", 0.0), Flushed(1)


def told(interval_s: float, *events: Event) -> list[Event]:
    pauses = PauseFilter(interval_s)
    return [event for event in events if pauses.passes(event)]


def silence(*ends: float) -> list[Event]:
    return [Pause(0.9, end) for end in ends]


def test_without_an_interval_every_score_is_told() -> None:
    events = silence(0.08, 0.16, 0.24)
    assert told(0.0, *events) == events


def test_a_pause_that_goes_on_is_told_once_in_the_interval() -> None:
    events = silence(0.08, 0.16, 0.48, 0.64, 1.12, 1.2)
    assert told(0.5, *events) == silence(0.08, 0.64, 1.2)


@pytest.mark.parametrize("probability", [0.0, 0.39, 0.5, 0.6])
def test_what_is_no_pause_is_always_told_and_so_is_the_pause_after_it(probability: float) -> None:
    events = [Pause(0.9, 0.08), Pause(probability, 0.16), Pause(probability, 0.24), Pause(0.9, 0.32)]
    assert told(0.5, *events) == events


@pytest.mark.parametrize("event", [WORD, PARTIAL, FLUSHED])
def test_after_anything_else_the_next_score_is_told(event: Event) -> None:
    assert told(0.5, Pause(0.9, 0.08), event, Pause(0.9, 0.16), Pause(0.9, 0.24)) == [
        Pause(0.9, 0.08),
        event,
        Pause(0.9, 0.16),
    ]
