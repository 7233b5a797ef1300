from launcher.running.supervise import Backoff


def test_pauses_double_up_to_the_longest() -> None:
    backoff = Backoff(first_s=0.5, longest_s=3.0)
    assert [backoff.pause(lasted_s=1.0) for _ in range(5)] == [0.5, 1.0, 2.0, 3.0, 3.0]


def test_a_try_that_lasted_starts_anew() -> None:
    backoff = Backoff(first_s=0.5, settled_s=10.0)
    assert [backoff.pause(lasted_s) for lasted_s in (1.0, 9.9, 10.0, 0.1)] == [0.5, 1.0, 0.5, 1.0]
