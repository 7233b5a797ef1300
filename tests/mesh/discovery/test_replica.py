"""Which replica is tried first."""

from collections.abc import Awaitable, Callable

import pytest

from mesh.discovery import replica as replica_module
from mesh.discovery.replica import Replica

Make = Callable[..., Awaitable[Replica]]


class Clock:
    """Time that a test moves on."""

    def __init__(self) -> None:
        self.now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(replica_module, "_now", clock)
    return clock


def serving(*addresses: str) -> list[Replica]:
    replicas = [Replica(address) for address in addresses]
    for each in replicas:
        each.told(serving=True)
    return replicas


def order(*replicas: Replica) -> list[str]:
    return [each.address for each in sorted(replicas, key=Replica.preference)]


async def test_one_that_serves_goes_before_one_that_has_not_said() -> None:
    unknown = Replica("unknown:1")
    (sure,) = serving("sure:1")
    assert order(unknown, sure) == ["sure:1", "unknown:1"]


async def test_the_one_with_the_fewest_calls_goes_first() -> None:
    busy, free = serving("busy:1", "free:1")
    with busy.in_use():
        assert order(busy, free) == ["free:1", "busy:1"]
        with free.in_use(), free.in_use():
            assert order(busy, free) == ["busy:1", "free:1"]
    assert (busy.calls, free.calls) == (0, 0)


async def test_between_equals_chance_decides() -> None:
    replicas = serving("a:1", "b:1", "c:1")
    assert {order(*replicas)[0] for _ in range(200)} == {"a:1", "b:1", "c:1"}


async def test_one_that_was_full_goes_last_for_a_second_at_most(clock: Clock) -> None:
    full, other = serving("full:1", "other:1")
    full.refused(retry_after=60.0)
    with other.in_use():
        assert order(full, other) == ["other:1", "full:1"]
        clock.now += 1.0
        assert order(full, other) == ["full:1", "other:1"]


async def test_one_that_failed_goes_last_for_a_growing_while(clock: Clock) -> None:
    failing, other = serving("failing:1", "other:1")
    with other.in_use():
        for doubt in (1.0, 2.0, 4.0, 8.0, 8.0):
            failing.failed()
            clock.now += doubt - 0.01
            assert order(failing, other) == ["other:1", "failing:1"]
            clock.now += 0.02
            assert order(failing, other) == ["failing:1", "other:1"]


@pytest.mark.parametrize("how", ["admitted", "come back"])
async def test_one_that_takes_calls_again_is_as_good_as_any(clock: Clock, how: str) -> None:
    failing, other = serving("failing:1", "other:1")
    for _ in range(20):
        failing.failed()
    if how == "admitted":
        failing.admitted()
    else:
        failing.told(serving=False)
        failing.told(serving=True)
    with other.in_use():
        assert order(failing, other) == ["failing:1", "other:1"]
        failing.failed()
        clock.now += 1.01
        assert order(failing, other) == ["failing:1", "other:1"]


async def test_a_watch_that_says_again_what_it_said_changes_nothing(clock: Clock) -> None:
    failing, other = serving("failing:1", "other:1")
    failing.failed()
    failing.told(serving=True)
    with other.in_use():
        clock.now += 0.5
        assert order(failing, other) == ["other:1", "failing:1"]
