"""Tables of (time, event) → the choice, or what is known of a member."""

import itertools
from collections.abc import Callable
from typing import TypeAlias

import pytest

from mesh.pool import (
    FORGOTTEN_AFTER_S,
    Backoff,
    FailedTry,
    Limits,
    Member,
    NoneFound,
    Outcome,
    Policy,
    Pool,
    Search,
    Wait,
)

REPLICAS = Policy(first_rest_s=1.0, longest_rest_s=8.0, tries_resting=True, tries_down=False)
SERVERS = Policy(first_rest_s=0.1, longest_rest_s=30.0, tries_resting=False, tries_down=True)

FULL = FailedTry(Outcome.FULL, RuntimeError("full"), retry_after=60.0)
FAILED = FailedTry(Outcome.FAILED, RuntimeError("failed"))
MISCONFIGURED = FailedTry(Outcome.MISCONFIGURED, RuntimeError("wrong key"))

Servers: TypeAlias = Pool[str, Member[str]]
Event: TypeAlias = Callable[[Member[str], float], object]


def pool(places: str, policy: Policy = REPLICAS, chance: Callable[[], float] = lambda: 0.0) -> Servers:
    """Members that serve, one for each letter."""
    made: Servers = Pool(Member, policy, chance)
    for member in made.set_places(places, 0.0):
        member.set_serving(True)
    return made


def order(servers: Servers, now: float) -> str:
    """The places in the order in which a search would try them."""
    chosen: list[Member[str]] = []
    while best := servers.choose(now, chosen):
        chosen.append(best)
    return "".join(each.place for each in chosen)


def serves(serving: bool) -> Event:
    return lambda member, _now: member.set_serving(serving)


def came(what: FailedTry) -> Event:
    if what.outcome is Outcome.FULL:
        return lambda member, now: member.refused(now, what.retry_after)
    return lambda member, now: member.failed(now, what, 0.0)


def reports(used: int, total: int = 4) -> Event:
    return lambda member, _now: member.set_slots(used, total)


def admits(member: Member[str], _now: float) -> None:
    member.admitted()


def is_called(member: Member[str], _now: float) -> None:
    member.calls += 1


# --- choosing ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("policy", "events", "now", "expected"),
    [
        # Health.
        (REPLICAS, [("a", 0, serves(False))], 0, "b"),
        (SERVERS, [("a", 0, serves(False))], 0, "ba"),
        (REPLICAS, [("a", 0, serves(False)), ("a", 1, serves(True))], 1, "ab"),
        # Calls in flight.
        (REPLICAS, [("a", 0, is_called)], 0, "ba"),
        (REPLICAS, [("a", 0, is_called), ("b", 0, is_called), ("b", 0, is_called)], 0, "ab"),
        # Full: after the others, as long as it says, and for a second at most.
        (REPLICAS, [("a", 0, came(FULL))], 0.99, "ba"),
        (REPLICAS, [("a", 0, came(FULL))], 1.0, "ab"),
        (REPLICAS, [("a", 0, came(FULL._replace(retry_after=0.5)))], 0.5, "ab"),
        (REPLICAS, [("a", 0, came(FULL)), ("b", 0, is_called)], 0.5, "ba"),
        (REPLICAS, [("a", 0, came(FULL)), ("a", 0.1, admits)], 0.1, "ab"),
        (SERVERS, [("a", 0, came(FULL))], 0.5, "ba"),
        # Failed: after the others, or not at all, while it rests.
        (REPLICAS, [("a", 0, came(FAILED))], 0.99, "ba"),
        (REPLICAS, [("a", 0, came(FAILED))], 1.0, "ab"),
        (REPLICAS, [("a", 0, came(FAILED)), ("b", 0, came(FULL))], 0.5, "ba"),
        (REPLICAS, [("a", 0, came(FAILED)), ("a", 0.1, admits)], 0.1, "ab"),
        (REPLICAS, [("a", 0, came(FAILED)), ("a", 0.1, serves(True))], 0.5, "ba"),
        (REPLICAS, [("a", 0, came(FAILED)), ("a", 0.1, serves(False)), ("a", 0.2, serves(True))], 0.2, "ab"),
        (SERVERS, [("a", 0, came(FAILED))], 0.09, "b"),
        (SERVERS, [("a", 0, came(FAILED))], 0.1, "ab"),
        (SERVERS, [("a", 0, came(FAILED)), ("a", 0.01, serves(True))], 0.02, "b"),
        (SERVERS, [("a", 0, came(FAILED)), ("a", 0.01, serves(False)), ("a", 0.02, serves(True))], 0.02, "ab"),
        # Misconfigured: as long as a rest can be.
        (SERVERS, [("a", 0, came(MISCONFIGURED))], 29.9, "b"),
        (SERVERS, [("a", 0, came(MISCONFIGURED))], 30.0, "ab"),
        (SERVERS, [("a", 0, came(MISCONFIGURED)), ("a", 30, came(FAILED))], 30.1, "ab"),
        # Slots.
        (SERVERS, [("a", 0, reports(3)), ("b", 0, reports(0))], 0, "ba"),
        (SERVERS, [("a", 0, reports(4)), ("b", 0, reports(3))], 0, "ba"),
        (SERVERS, [("a", 0, reports(4))], 0, "ba"),
        (SERVERS, [("b", 0, reports(3))], 0, "ba"),
        (SERVERS, [("a", 0, reports(1)), ("a", 0, came(FULL))], 5, "ba"),
        (SERVERS, [("a", 0, reports(1)), ("b", 0, reports(2)), ("a", 0, is_called), ("a", 0, is_called)], 0, "ba"),
        (SERVERS, [("a", 0, reports(0)), ("b", 0, reports(3)), ("a", 1, serves(False))], 1, "ba"),
    ],
)
def test_which_is_tried_first(
    policy: Policy, events: list[tuple[str, float, Event]], now: float, expected: str
) -> None:
    servers = pool("ab", policy)
    for place, time, event in events:
        event(servers.known[place], time)
    assert order(servers, now) == expected


def test_one_that_serves_goes_before_one_whose_health_is_not_known() -> None:
    servers: Servers = Pool(Member, SERVERS, lambda: 0.0)
    servers.set_places("abc", 0.0)
    servers.known["a"].set_serving(False)
    servers.known["c"].set_serving(True)
    assert order(servers, 0.0) == "cba"


def test_between_equals_chance_decides() -> None:
    chances = itertools.cycle([0.3, 0.1, 0.2])
    servers = pool("abc", chance=lambda: next(chances))
    assert servers.choose(0.0) is servers.known["b"]
    assert {order(pool("abc", chance=Pool(Member, REPLICAS).chance), 0.0)[0] for _ in range(200)} == set("abc")


def test_calls_since_slots_were_reported_count() -> None:
    member = pool("a").known["a"]
    member.set_slots(1, 4)
    with member.in_use():
        assert member.free == 2
        member.set_slots(2, 4)
        assert member.free == 2
    assert (member.free, member.calls) == (3, 0)
    member.set_slots(9, 4)
    assert member.free == 0
    member.set_serving(False)
    assert member.free is None


@pytest.mark.parametrize(
    ("policy", "chance", "rests"),
    [
        (REPLICAS, 0.0, [1.0, 2.0, 4.0, 8.0, 8.0]),
        (SERVERS, 0.0, [0.1, 0.2, 0.4, 0.8, 1.6, 3.2, 6.4, 12.8, 25.6, 30.0, 30.0]),
        (SERVERS, 1.0, [0.12, 0.24, 0.48]),
    ],
)
def test_rests_double_up_to_a_limit(policy: Policy, chance: float, rests: list[float]) -> None:
    member = pool("a", policy).known["a"]
    for rest in rests:
        member.failed(100.0, FAILED, chance)
        assert member.rests_until == pytest.approx(100.0 + rest)


@pytest.mark.parametrize("event", [admits, came(FULL)], ids=["admitted", "full"])
def test_rests_begin_again_after_a_call_or_a_refusal(event: Event) -> None:
    member = pool("a").known["a"]
    for _ in range(20):
        came(FAILED)(member, 0.0)
    event(member, 0.0)
    assert not member.rests(0.0)
    assert member.last_failure is None
    came(FAILED)(member, 0.0)
    assert member.rests_until == 1.0


# --- places -----------------------------------------------------------------------------------------------------------


def test_a_place_is_a_member_once_and_keeps_what_is_known_of_it() -> None:
    servers = pool("ab")
    before = servers.known["b"]
    assert [each.place for each in servers.set_places("bccb", 1.0)] == ["c"]
    assert [each.place for each in servers.listed] == ["b", "c"]
    assert servers.listed[0] is before
    assert order(servers, 1.0) == "bc"
    servers.set_places("ab", 2.0)
    assert servers.known["a"].serving


def test_a_member_that_is_not_listed_is_forgotten_after_a_while_and_not_in_a_call() -> None:
    servers = pool("abc")
    servers.set_places("a", 10.0)
    servers.known["c"].calls = 1
    assert servers.forget(FORGOTTEN_AFTER_S - 0.1) == []
    assert [each.place for each in servers.forget(FORGOTTEN_AFTER_S)] == ["b"]
    servers.known["c"].calls = 0
    assert [each.place for each in servers.forget(1_000.0)] == ["c"]
    assert [*servers.known] == ["a"]


# --- searching --------------------------------------------------------------------------------------------------------

LIMITS = Limits(one_try=0.5, search=1.5, failures=3, health=0.2, wait_for_serving=0.5)
AT_ONCE = Limits(0.25, 0.4, failures=None, health=0.0, wait_for_serving=0.0)

Step: TypeAlias = "tuple[float, str | float | None, FailedTry | None]"
"""When the search is asked, what it answers (a place, until when to wait, or that it is over), and what came of it."""


@pytest.mark.parametrize(
    ("limits", "policy", "health", "steps"),
    [
        # Three failures end a search, however many members are left.
        (LIMITS, REPLICAS, "a+ b+ c+ d+", [(0, "a", FAILED), (0, "b", FAILED), (0, "c", FAILED), (0, None, None)]),
        # Refusals are no failures, and each member is tried once.
        (LIMITS, REPLICAS, "a+ b+ c+ d+", [*((0, place, FULL) for place in "abcd"), (0, None, None)]),
        (LIMITS, REPLICAS, "a+ b+ c+", [(0, "a", FAILED), (0, "b", FULL), (0, "c", FAILED), (0, None, None)]),
        # The time ends it too.
        (LIMITS, REPLICAS, "a+ b+ c+ d+", [(0, "a", FAILED), (1.49, "b", FAILED), (1.5, None, None)]),
        # One that is down may come back within half a second, unless another was full.
        (LIMITS, REPLICAS, "a-", [(0, 0.5, None), (0.49, 0.5, None), (0.5, None, None)]),
        (LIMITS, REPLICAS, "", [(0, 0.5, None), (0.5, None, None)]),
        (LIMITS, REPLICAS, "a+ b-", [(0, "a", FULL), (0.1, None, None)]),
        (LIMITS, REPLICAS, "a+ b-", [(0, "a", FAILED), (0.1, 0.5, None), (0.5, None, None)]),
        # Health that is not known yet is waited for, a moment for each choice.
        (LIMITS, REPLICAS, "a?", [(0, 0.2, None), (0.2, "a", FAILED), (0.3, None, None)]),
        (LIMITS, REPLICAS, "a+ b?", [(0, "a", FAILED), (0.1, 0.2, None), (0.2, "b", FULL), (0.2, None, None)]),
        # Servers are not waited for, and there are as many tries as there is time for.
        (AT_ONCE, SERVERS, "a+ b+ c+ d+", [*((0.1, place, FAILED) for place in "abcd"), (0.1, None, None)]),
        (AT_ONCE, SERVERS, "a+ b+", [(0, "a", FAILED), (0.4, None, None)]),
        (AT_ONCE, SERVERS, "a- b?", [(0, "b", FULL), (0, "a", FAILED), (0, None, None)]),
        (AT_ONCE, SERVERS, "", [(0, None, None)]),
    ],
)
def test_how_a_search_goes(limits: Limits, policy: Policy, health: str, steps: list[Step]) -> None:
    """`health` lists the places and whether they serve: + yes, - no, ? not known."""
    servers: Servers = Pool(Member, policy, lambda: 0.0)
    servers.set_places([each[0] for each in health.split()], 100.0)
    for each in health.split():
        if each[1] != "?":
            servers.known[each[0]].set_serving(each[1] == "+")
    search = Search(servers, limits, 100.0)
    assert search.ends_at == 100.0 + limits.search
    for time, expected, what in steps:
        now = 100.0 + time
        choice = search.choose(now)
        match choice:
            case Member():
                assert choice.place == expected
                assert what is not None
                search.not_admitted(choice, what, now)
            case Wait(until):
                assert until == pytest.approx(100.0 + (expected if isinstance(expected, float) else -1.0))
            case None:
                assert expected is None


def test_a_search_that_finds_makes_the_member_sound() -> None:
    servers = pool("a")
    came(FAILED)(servers.known["a"], 0.0)
    search = Search(servers, LIMITS, 0.1)
    choice = search.choose(0.1)
    assert isinstance(choice, Member)
    search.admitted(choice)
    assert not choice.rests(0.1)


def test_failures_of_a_search_are_held_against_the_member() -> None:
    servers = pool("ab", chance=lambda: 0.5)
    search = Search(servers, LIMITS, 0.0)
    for what in (FAILED, FULL):
        choice = search.choose(0.0)
        assert isinstance(choice, Member)
        search.not_admitted(choice, what, 0.0)
    assert servers.known["a"].rests_until == pytest.approx(1.1)
    assert servers.known["b"].full_until == 1.0


# --- why none was found -----------------------------------------------------------------------------------------------

SOON, LATER = FULL._replace(retry_after=2.0), FULL._replace(retry_after=4.0)


@pytest.mark.parametrize(
    ("tries", "is_full", "retry_after", "is_misconfigured"),
    [
        ([], False, None, False),
        ([FAILED], False, None, False),
        ([LATER, SOON, FAILED], True, 2.0, False),
        ([FAILED, SOON], True, 2.0, False),
        ([FULL._replace(retry_after=0.0)], True, 0.0, False),
        ([MISCONFIGURED, MISCONFIGURED], False, None, True),
        ([MISCONFIGURED, FAILED], False, None, False),
        ([MISCONFIGURED, SOON], True, 2.0, False),
    ],
)
def test_why_none_was_found(
    tries: list[FailedTry], is_full: bool, retry_after: float | None, is_misconfigured: bool
) -> None:
    servers = pool("abcd", SERVERS)
    search = Search(servers, AT_ONCE, 0.0)
    for what in tries:
        choice = search.choose(0.0)
        assert isinstance(choice, Member)
        search.not_admitted(choice, what, 0.0)
    none = search.none_found(0.0)
    assert none == NoneFound(tuple(tries))
    assert (none.is_full, none.retry_after, none.is_misconfigured) == (is_full, retry_after, is_misconfigured)


@pytest.mark.parametrize(
    ("policy", "now", "expected"),
    [(SERVERS, 0.05, (FAILED, MISCONFIGURED)), (SERVERS, 0.2, (MISCONFIGURED,)), (REPLICAS, 0.05, ())],
)
def test_without_a_try_it_is_why_the_members_rest(policy: Policy, now: float, expected: tuple[FailedTry, ...]) -> None:
    servers = pool("abc", policy)
    came(FAILED)(servers.known["a"], 0.0)
    came(MISCONFIGURED)(servers.known["b"], 0.0)
    assert Search(servers, AT_ONCE, now).none_found(now) == NoneFound(expected)


def test_a_try_that_the_end_of_the_search_cuts_off_is_a_reason_and_no_failure() -> None:
    servers = pool("a")
    late = RuntimeError("late")
    search = Search(servers, LIMITS, 0.0)
    assert search.choose(0.0) is servers.known["a"]
    search.ran_out(late)
    assert search.none_found(1.5) == NoneFound((FailedTry(Outcome.FAILED, late),))
    assert not servers.known["a"].rests(1.5)
    search.ran_out(late)
    assert len(search.none_found(1.5).tries) == 1


# --- pauses -----------------------------------------------------------------------------------------------------------


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(first_s=0.5, longest_s=3.0)
    assert [backoff.pause(lasted_s=1.0) for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_a_try_that_lasted_starts_again() -> None:
    backoff = Backoff(first_s=0.5, settled_s=10.0)
    assert [backoff.pause(lasted_s) for lasted_s in (1.0, 9.9, 10.0, 0.1)] == [0.5, 1.0, 0.5, 1.0]


def test_a_search_passes_over_whom_it_is_to_avoid_and_knows_whether_others_are_left() -> None:
    servers = pool("abc")
    search = Search(servers, Limits(), 0.0)
    first, second, third = servers.listed
    search.avoid([first])
    search.avoid([second])
    assert search.has_others(0.0)
    assert search.choose(0.0) is third
    assert not search.has_others(0.0)


def test_a_search_that_is_extended_ends_so_much_later() -> None:
    search = Search(pool("a"), Limits(), 10.0)
    ends = search.ends_at
    search.extend(2.0)
    assert search.ends_at == ends + 2.0
