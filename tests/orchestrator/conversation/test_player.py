"""A script that does not tell the truth is found out."""

import pytest

from orchestrator.conversation.actions import RequestFlush, TurnDiscardedNotice
from tests.orchestrator.conversation.notation import pause, speech, started, stopped
from tests.orchestrator.conversation.player import deadlines, play
from tests.orchestrator.conversation.script import Row, as_text, at, due, nothing, script

HEARD = at(1.0, speech, started("item_1"))
PAUSED = at(1.5, pause, stopped("item_1"), RequestFlush(1))
GIVEN_UP = due(2.5, TurnDiscardedNotice("item_1"))

LIES = [
    pytest.param([at(1.0, speech), PAUSED, GIVEN_UP], id="an action is left out"),
    pytest.param([HEARD, PAUSED, nothing(until=3.0)], id="a deadline is left out"),
    pytest.param([HEARD, PAUSED, due(2.4, TurnDiscardedNotice("item_1")), nothing(until=3.0)], id="too early"),
    pytest.param([HEARD, PAUSED, due(2.6, TurnDiscardedNotice("item_1"))], id="too late"),
    pytest.param([HEARD, PAUSED, due(2.5, TurnDiscardedNotice("item_2"))], id="another item"),
    pytest.param(
        [HEARD, at(1.5, pause, RequestFlush(1), stopped("item_1")), GIVEN_UP],
        id="another order",
    ),
    pytest.param([at(1.0, speech, started("item_1"), started("item_1")), PAUSED, GIVEN_UP], id="an action is made up"),
]


def test_the_truth() -> None:
    rows = [HEARD, PAUSED, GIVEN_UP, nothing(until=60.0)]

    assert as_text(play(script("", *rows))) == as_text(rows)


@pytest.mark.parametrize("rows", LIES)
def test_a_lie(rows: list[Row]) -> None:
    assert as_text(play(script("", *rows))) != as_text(rows)


def test_what_is_unseen_need_not_be_told() -> None:
    rows = [HEARD, at(1.5, pause, stopped("item_1"))]

    played = play(script("", *rows, nothing(until=3.0), unseen=[RequestFlush, TurnDiscardedNotice]))

    assert as_text(played) == as_text(rows)


def test_a_script_does_not_go_back_in_time() -> None:
    with pytest.raises(AssertionError, match=r"back in time, to 0\.5"):
        play(script("", HEARD, at(0.5, pause)))


def test_time_must_pass() -> None:
    class Stuck:
        deadline = 1.0

    with pytest.raises(AssertionError, match=r"no progress at 1\.0"):
        list(deadlines(Stuck(), 2.0))
