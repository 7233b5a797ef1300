import random

import pytest

from loadtest.statistics import Tally, percentile, spread


def test_percentiles_lie_between_neighbours() -> None:
    assert percentile([1.0], 0.95) == 1.0
    assert percentile([0.0, 10.0], 0.5) == 5.0
    assert percentile([0.0, 1.0, 2.0, 3.0, 4.0], 0.75) == 3.0


def test_a_spread() -> None:
    found = spread([3.0, 1.0, 2.0])
    assert found is not None
    assert (found.count, found.mean, found.p50, found.max) == (3, 2.0, 2.0, 3.0)
    assert spread([]) is None


def test_a_tally_is_at_most_a_tenth_too_high() -> None:
    chance = random.Random(1)  # noqa: S311 - to be measured
    measured = [chance.lognormvariate(-6, 1) for _ in range(5_000)]
    tally = Tally()
    for each in measured:
        tally.add(each)
    for share in (0.5, 0.9, 0.99):
        exact = percentile(sorted(measured), share)
        assert exact * 0.99 <= tally.percentile_s(share) <= exact * 1.12
    assert tally.percentile_s(1.0) == pytest.approx(max(measured))
    assert tally.count == 5_000


def test_a_tally_takes_nothing_and_less_than_nothing() -> None:
    tally = Tally()
    assert tally.percentile_s(0.99) == 0
    tally.add(-0.001)
    assert tally.percentile_s(0.99) == 0
