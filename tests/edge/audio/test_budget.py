from edge.audio.budget import Allowance


def test_a_burst_is_taken_and_then_no_more() -> None:
    allowance = Allowance(burst_s=10.0, rate=2.0)
    assert allowance.is_open(0.0)
    allowance.spend(9.9)
    assert allowance.is_open(0.0)
    allowance.spend(0.1)
    assert not allowance.is_open(0.0)


def test_time_earns_it_back() -> None:
    allowance = Allowance(burst_s=10.0, rate=2.0)
    assert allowance.is_open(5.0)
    allowance.spend(12.0)
    assert not allowance.is_open(6.0)
    assert allowance.is_open(6.1)


def test_it_earns_no_more_than_a_burst() -> None:
    allowance = Allowance(burst_s=1.0, rate=2.0)
    assert allowance.is_open(0.0)
    assert allowance.is_open(100.0)
    allowance.spend(1.0)
    assert not allowance.is_open(100.0)


def test_real_time_with_a_fast_clock_goes_on_for_ever() -> None:
    allowance = Allowance()
    for frame in range(10_000):
        assert allowance.is_open(frame * 0.08)
        allowance.spend(0.081)
