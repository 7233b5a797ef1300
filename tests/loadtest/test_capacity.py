import pytest

from loadtest.capacity import CapacitySearch, why_not_held
from loadtest.sessions import End, Outcome, SessionRecord
from tests.loadtest.made import result, session, turn


@pytest.mark.parametrize("held", [0, 1, 7, 8, 45, 60, 1_000])
def test_the_number_that_is_held_is_found(held: int) -> None:
    search = CapacitySearch(8, most=5_000)
    tried = []
    while (users := search.next()) is not None:
        tried.append(users)
        search.note(users, held=users <= held)
    assert search.held <= held <= search.held + max(1, search.held // 20)
    assert len(tried) == len(set(tried)) <= 15


def test_no_more_are_tried_than_wanted() -> None:
    search = CapacitySearch(4, most=10)
    tried = []
    while (users := search.next()) is not None:
        tried.append(users)
        search.note(users, held=True)
    assert tried == [4, 8, 10]


def test_a_mesh_holds_users_who_are_all_answered_in_time() -> None:
    good = [turn(0.8) for _ in range(100)]
    assert why_not_held(result([session(good)]), limit_s=1.0) is None
    assert why_not_held(result([session(good)]), limit_s=0.5) == "first audio p95 was 800 ms, more than 500"


@pytest.mark.parametrize(
    ("spoiled", "why"),
    [
        (session([], end=End.REFUSED), "1 sessions were refused"),
        (session([], end=End.LOST), "1 sessions were lost"),
        (session([turn(0.8, Outcome.UNANSWERED)] * 2), "2 of 102 turns were not answered well"),
    ],
)
def test_what_goes_wrong_is_said(spoiled: SessionRecord, why: str) -> None:
    good = session([turn(0.8) for _ in range(100)])
    assert why_not_held(result([good, spoiled]), limit_s=1.0) == why


def test_nothing_is_not_held() -> None:
    assert why_not_held(result([]), limit_s=1.0) == "0 of 0 turns were not answered well"
