import asyncio
import sys
import time
from contextlib import closing

import pytest

from mesh.process.lag import LoopLag, Overload, PatientLimit, timeout
from mesh.process.platform import WantedTime


def waited(limit_s: float, looks: list[float]) -> float | None:
    """When a wait that began at 0, and is looked at so late after each time it was due, is over."""
    wait = PatientLimit(0.0, limit_s)
    now = 0.0
    for late in looks:
        now = wait.due + late
        wait.look(now)
        if wait.is_over(now):
            return now
    return None


def test_a_wait_whose_timer_is_on_time_ends_with_its_limit() -> None:
    assert waited(0.5, [0.0] * 20) == pytest.approx(0.5)


def test_what_a_process_is_late_by_does_not_count() -> None:
    assert waited(0.5, [0.0, 0.0, 0.7, *[0.0] * 20]) == pytest.approx(1.2)
    assert waited(0.5, [0.05] * 40) == pytest.approx(1.0, abs=0.06)


def test_a_process_that_is_late_for_ever_gives_up_in_the_end() -> None:
    over = waited(0.5, [1.0] * 10)
    assert over is not None
    assert over == pytest.approx(2.0, abs=1.1)


@pytest.mark.parametrize("limit_s", [0.01, 0.05, 0.12])
def test_a_short_limit_is_kept_exactly(limit_s: float) -> None:
    assert waited(limit_s, [0.0] * 5) == pytest.approx(limit_s)


async def test_an_answer_that_came_while_the_process_slept_is_in_time() -> None:
    async def answer() -> str:
        await asyncio.sleep(0.1)
        await asyncio.sleep(0.1)
        return "here"

    late: list[float] = []
    async with timeout(0.25, late.append):
        answering = asyncio.ensure_future(answer())
        await asyncio.sleep(0)
        time.sleep(0.4)  # noqa: ASYNC251 - a process that is late
        assert await answering == "here"
    assert sum(late) > 0.3


async def test_silence_is_noticed() -> None:
    with pytest.raises(TimeoutError):
        async with timeout(0.05):
            await asyncio.Event().wait()


async def test_nothing_is_left_of_a_wait() -> None:
    async with timeout(0.02):
        pass
    await asyncio.sleep(0.05)


async def test_a_loop_that_is_kept_busy_is_late() -> None:
    probes: list[float] = []
    with LoopLag(lambda late, _: probes.append(late), every_s=0.01).measured():
        await asyncio.sleep(0.05)
        time.sleep(0.1)  # noqa: ASYNC251 - it is kept busy
        await asyncio.sleep(0.05)
    assert max(probes) > 0.08
    count = len(probes)
    await asyncio.sleep(0.05)
    assert len(probes) == count


def overloaded(probes: list[float]) -> list[bool]:
    """Whether it lasts, after each of the probes, which come every 0.1 s."""
    overload, now, seen = Overload(0.1), 0.0, []
    for late in probes:
        now += 0.1 + late
        overload.note(late, now)
        seen.append(overload.lasts)
    return seen


def test_lag_that_lasts_is_overload_and_ends_only_when_it_is_well_over() -> None:
    assert not any(overloaded([0.09] * 50))
    assert overloaded([0.12] * 20)[-1]
    assert overloaded([*[0.12] * 20, *[0.06] * 40])[-1], "it is not well over"
    assert not overloaded([*[0.12] * 20, *[0.06] * 40, *[0.02] * 20])[-1]


@pytest.mark.parametrize(
    ("shares", "lasts"),
    [
        pytest.param([0.85] * 60, False, id="it is idle now and then"),
        pytest.param([0.99] * 19, False, id="it may be a burst"),
        pytest.param([0.99] * 21, True, id="it is never idle"),
        pytest.param([*[0.99] * 21, *[0.8] * 60], True, id="it is hardly idle again"),
        pytest.param([*[0.99] * 21, *[0.5] * 20], False, id="it is idle again"),
        pytest.param([*[0.5] * 60, *[0.99] * 15], False, id="what it was before counts"),
        pytest.param([*[0.5] * 60, *[0.99] * 21], True, id="but no longer than it should"),
    ],
)
def test_a_thread_that_is_hardly_idle_is_overload(shares: list[float], *, lasts: bool) -> None:
    """Each share of 0.1 s it wanted a processor."""
    overload, now, wanted_s = Overload(10.0), 0.0, 7.0
    for share in [0.0, *shares]:
        now, wanted_s = now + 0.1, wanted_s + 0.1 * share
        overload.note(0.0, now, wanted_s)
    assert overload.lasts is lasts


def test_a_pause_between_probes_is_no_overload() -> None:
    overload = Overload(10.0)
    for now, wanted_s in ((1.0, 0.5), (1.1, 0.6), (12.0, 0.7), (12.1, 0.8)):
        overload.note(0.0, now, wanted_s)
        assert not overload.lasts


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux tells")
def test_a_thread_wants_a_processor_while_it_works() -> None:
    with closing(WantedTime()) as wanted:
        before, began = wanted.seconds(), time.monotonic()
        while time.monotonic() < began + 0.2:
            pass
        worked = wanted.seconds()
        time.sleep(0.2)
        slept = wanted.seconds()
    assert before is not None
    assert worked is not None
    assert slept is not None
    assert worked - before > 0.15
    assert slept - worked < 0.1


def test_a_stall_is_no_overload() -> None:
    assert not any(overloaded([*[0.001] * 10, 5.0, *[0.001] * 10]))


def test_without_a_limit_there_is_no_overload() -> None:
    overload = Overload(0.0)
    for number in range(100):
        overload.note(10.0, float(number))
    assert not overload.lasts
