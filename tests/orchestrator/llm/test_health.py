"""The health of a language model's server: a table of (time, what happens) and what is asked and told."""

from collections.abc import Callable

import pytest

from orchestrator.llm.health import Check, ServerHealth

Happening = Callable[[ServerHealth, float], None]


def listed(health: ServerHealth, now: float) -> None:
    health.listed(now)


def does_not_list(health: ServerHealth, now: float) -> None:
    health.does_not_list(now)


def list_refused(health: ServerHealth, now: float) -> None:
    health.list_refused(now)


def answered(health: ServerHealth, now: float) -> None:
    health.answered(now)


def failed(health: ServerHealth, now: float) -> None:
    health.failed(now)


def doubted(health: ServerHealth, now: float) -> None:
    health.doubted(now)


def connected(health: ServerHealth, now: float) -> None:
    health.connected(now, near=True)


def connected_far(health: ServerHealth, now: float) -> None:
    health.connected(now, near=False)


def not_reached(health: ServerHealth, now: float) -> None:
    health.not_reached(now)


UP, DOWN = True, False
MODELS, CONNECTION, NOTHING = Check.MODELS, Check.CONNECTION, Check.NOTHING

STORIES: dict[str, tuple[list[tuple[float, Happening]], list[tuple[float, bool, Check]]]] = {
    "nothing is known": ([], [(0, DOWN, MODELS)]),
    "the list is rare while connections are cheap": (
        [(0, listed)],
        [(1.9, UP, NOTHING), (2, UP, CONNECTION), (29.9, UP, CONNECTION), (30, UP, MODELS)],
    ),
    "a server far away is connected to less often": (
        [(0, listed), (2, connected_far)],
        [(16.9, UP, NOTHING), (17, UP, CONNECTION)],
    ),
    "real answers put off the list": (
        [(0, listed), (29, answered)],
        [(30, UP, NOTHING), (31, UP, CONNECTION), (59, UP, MODELS)],
    ),
    "one without a list is up and hardly asked for it": (
        [(0, does_not_list)],
        [(0, UP, NOTHING), (31, UP, CONNECTION), (600, UP, MODELS)],
    ),
    "real answers do not bring the list forward": ([(0, does_not_list), (9, answered)], [(60, UP, CONNECTION)]),
    "gone between two lists": ([(0, listed), (2, not_reached)], [(2, DOWN, NOTHING), (3, DOWN, MODELS)]),
    "gone for long, it is missed for two seconds at most": (
        [(0, not_reached), (1, not_reached), (3, not_reached), (5, not_reached)],
        [(6.9, DOWN, NOTHING), (7, DOWN, MODELS)],
    ),
    "back": ([(0, not_reached), (1, listed)], [(1, UP, NOTHING), (3, UP, CONNECTION)]),
    "a broken list is asked for less and less": (
        [(0, list_refused), (1, list_refused), (3, list_refused), (7, list_refused)],
        [(14.9, DOWN, NOTHING), (15, DOWN, MODELS)],
    ),
    "and at most every eight seconds": (
        [(n * 8.0, list_refused) for n in range(20)],
        [(159.9, DOWN, NOTHING), (160, DOWN, MODELS)],
    ),
    "a refused list is nothing against real answers": (
        [(0, listed), (5, answered), (35, list_refused)],
        [(35, UP, NOTHING), (66, UP, CONNECTION)],
    ),
    "a real failure counts at once": ([(0, listed), (5, failed)], [(5, DOWN, NOTHING), (6, DOWN, MODELS)]),
    "and is forgiven when the list comes": ([(0, listed), (5, failed), (6, listed)], [(6, UP, NOTHING)]),
    "one real failure after the other, whatever the list says": (
        [(0, listed), (5, failed), (6, listed), (7, failed), (9, listed), (10, failed)],
        [(13.9, DOWN, NOTHING), (14, DOWN, MODELS)],
    ),
    "a real answer forgives all": ([(0, failed), (1, failed), (3, answered), (4, failed)], [(5, DOWN, MODELS)]),
    "a doubt asks for the list": ([(0, listed), (5, doubted)], [(5, UP, CONNECTION), (6, UP, MODELS)]),
    "three doubts are a failure": ([(0, listed), (5, doubted), (6, doubted), (7, doubted)], [(7, DOWN, NOTHING)]),
    "unless there was an answer": ([(0, doubted), (1, doubted), (2, answered), (3, doubted)], [(3, UP, NOTHING)]),
    "a refused list after a doubt is believed": (
        [(0, answered), (1, doubted), (2, list_refused)],
        [(2, DOWN, NOTHING)],
    ),
}


@pytest.mark.parametrize("story", STORIES)
def test_health(story: str) -> None:
    happenings, expected = STORIES[story]
    health = ServerHealth()
    for at, happening in happenings:
        happening(health, at)
    assert [(at, health.up, health.due(at)) for at, _, _ in expected] == expected


def test_since_when_a_server_is_down() -> None:
    health = ServerHealth()
    assert not health.was_up(-1_000)
    health.not_reached(1)
    assert not health.was_up(0)
    health.listed(2)
    assert health.was_up(1_000)
    health.not_reached(3)
    health.failed(4)
    assert health.was_up(2.9)
    assert not health.was_up(3)


def test_a_server_that_is_well_for_a_day_is_asked_for_its_models_a_few_thousand_times_at_most() -> None:
    health, asked = ServerHealth(), dict.fromkeys(Check, 0)
    for second in range(86_400):
        check = health.due(second)
        asked[check] += 1
        if check is Check.MODELS:
            health.listed(second)
        elif check is Check.CONNECTION:
            health.connected(second, near=True)
    assert asked[Check.MODELS] <= 2_880
    assert health.up
