from edge.audio.opus import AudioBudget


def test_a_burst_is_taken_and_then_no_more() -> None:
    budget = AudioBudget(burst_s=10.0, rate=2.0)
    assert budget.is_open(0.0)
    budget.spend(9.9)
    assert budget.is_open(0.0)
    budget.spend(0.1)
    assert not budget.is_open(0.0)


def test_time_earns_it_back() -> None:
    budget = AudioBudget(burst_s=10.0, rate=2.0)
    assert budget.is_open(5.0)
    budget.spend(12.0)
    assert not budget.is_open(6.0)
    assert budget.is_open(6.1)


def test_it_earns_no_more_than_a_burst() -> None:
    budget = AudioBudget(burst_s=1.0, rate=2.0)
    assert budget.is_open(0.0)
    assert budget.is_open(100.0)
    budget.spend(1.0)
    assert not budget.is_open(100.0)


def test_real_time_with_a_fast_clock_goes_on_for_ever() -> None:
    budget = AudioBudget()
    for frame in range(10_000):
        assert budget.is_open(frame * 0.08)
        budget.spend(0.081)


def test_excess_is_noted_once_an_episode() -> None:
    budget = AudioBudget(burst_s=10.0, rate=2.0)
    assert budget.is_open(0.0)
    budget.spend(10.0)
    assert not budget.is_open(0.0)
    assert [budget.note_excess() for _ in range(3)] == [True, False, False]
    assert budget.is_open(4.9)
    assert not budget.note_excess()
    assert budget.is_open(5.0)
    assert budget.note_excess()
