"""Which window is decoded next, as a table."""

import pytest

from stt_proxy.windowed.schedule import Job, Schedule, Urgency

F, S, P = Urgency.FINAL, Urgency.SETTLING, Urgency.PARTIAL


@pytest.mark.parametrize(
    ("asked", "order"),
    [
        pytest.param([("a", P), ("b", P), ("c", P)], ["a", "b", "c"], id="whoever waits longest first"),
        pytest.param([("a", P), ("b", F)], ["b", "a"], id="final before partial"),
        pytest.param([("a", P), ("b", S), ("c", F)], ["c", "b", "a"], id="settling between them"),
        pytest.param([("a", P), ("a", P), ("a", P)], ["a"], id="one partial a stream"),
        pytest.param([("a", P), ("b", P), ("a", S)], ["a", "b"], id="a partial becomes a settling one"),
        pytest.param([("a", S), ("a", P)], ["a"], id="and does not become less"),
        pytest.param([("a", P), ("b", P), ("a", F)], ["a", "b"], id="a final takes the partial's place"),
    ],
)
def test_the_order(asked: list[tuple[str, Urgency]], order: list[str]) -> None:
    schedule: Schedule[str] = Schedule()
    for stream, urgency in asked:
        schedule.ask(stream, urgency)
    taken = []
    while job := schedule.begin():
        taken.append(job.stream)
        schedule.end(job)
    assert taken == order


@pytest.mark.parametrize(
    ("running", "asked", "begins"),
    [
        (P, P, False),
        (P, S, True),
        (P, F, True),
        (S, P, False),
        (S, S, False),
        (S, F, True),
        (F, P, False),
        (F, S, False),
        (F, F, False),
    ],
)
def test_what_may_run_beside_a_decoding_of_the_same_stream(running: Urgency, asked: Urgency, begins: bool) -> None:
    schedule: Schedule[str] = Schedule()
    schedule.ask("a", running)
    job = schedule.begin()
    assert job is not None
    schedule.ask("a", asked)
    assert (schedule.begin() is not None) is begins
    schedule.end(job)
    if not begins:
        assert schedule.begin() == Job("a", asked)


def test_every_utterance_that_has_ended_is_decoded() -> None:
    schedule: Schedule[str] = Schedule()
    for _ in range(3):
        schedule.ask("a", F)
    count = 0
    while job := schedule.begin():
        schedule.end(job)
        count += 1
    assert count == 3


def test_the_next_utterance_waits_for_the_end_of_the_one_before() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.ask("a", F)
    schedule.ask("a", P)
    first = schedule.begin()
    assert first == Job("a", F)
    assert schedule.begin() is None
    schedule.end(first)
    assert schedule.begin() == Job("a", P)


def test_a_stream_that_has_ended_is_forgotten() -> None:
    schedule: Schedule[str] = Schedule()
    schedule.ask("a", P)
    schedule.ask("b", P)
    job = schedule.begin()
    assert job == Job("a", P)
    schedule.ask("a", F)
    schedule.forget("a")
    assert schedule.running == 1
    assert schedule.begin() == Job("b", P)


def test_partial_windows_leave_a_processor_to_what_is_waited_for() -> None:
    schedule: Schedule[str] = Schedule(1)
    for stream in "ab":
        schedule.ask(stream, P)
    first = schedule.begin()
    assert first == Job("a", P)
    assert schedule.begin() is None
    schedule.ask("b", S)
    assert schedule.begin() == Job("b", S)
    schedule.ask("c", P)
    assert schedule.begin() is None
    schedule.end(first)
    assert schedule.begin() == Job("c", P)
