import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from launcher.running.supervise import Child, Limits, StartFailed, StartProgress, Supervisor
from tests.launcher.conftest import Lines, MakeChild, gone

QUICK = Limits(
    ready_within_s=20.0,
    stop_within_s=10.0,
    first_pause_s=0.01,
    longest_pause_s=0.04,
    settled_s=10.0,
    ends_before_ready=3,
)

PATIENT = replace(QUICK, ends_before_ready=1_000)

WAITS = "import signal, sys, time\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit())\nprint('up')\ntime.sleep(60)"
STUBBORN = "import signal, time\nsignal.signal(signal.SIGTERM, signal.SIG_IGN)\nprint('up')\ntime.sleep(60)"


async def never() -> bool:
    return False


@asynccontextmanager
async def running(children: Sequence[Child], lines: Lines, limits: Limits = QUICK) -> AsyncIterator[Supervisor]:
    supervisor = Supervisor(children, lines, limits)
    run = asyncio.create_task(supervisor.run())
    try:
        yield supervisor
        supervisor.stop()
    finally:
        await run


async def test_starts_all_and_ends_all(make_child: MakeChild, lines: Lines) -> None:
    async with running([make_child("one", WAITS), make_child("two", WAITS)], lines) as supervisor:
        await supervisor.ready.wait()
        await lines.until("one: up")
        await lines.until("two: up")
    assert not [line for line in lines.all if "ended" in line]


async def test_is_ready_only_when_every_child_is(make_child: MakeChild, lines: Lines) -> None:
    may = asyncio.Event()

    async def when_it_may() -> bool:
        return may.is_set()

    async with running([make_child("one", WAITS), make_child("two", WAITS, when_it_may)], lines) as supervisor:
        await lines.until("one: ready after")
        assert not supervisor.ready.is_set()
        may.set()
        await supervisor.ready.wait()


async def test_starts_a_child_that_ended_again_later_and_later(make_child: MakeChild, lines: Lines) -> None:
    children = [make_child("dies", "print('born'); raise SystemExit(3)"), make_child("lives", WAITS)]
    async with running(children, lines, PATIENT):
        await lines.until("dies: ended with exit code 3; starting it again in 0.01 s")
        await lines.until("dies: ended with exit code 3; starting it again in 0.02 s")
        await lines.until("dies: ended with exit code 3; starting it again in 0.04 s", times=2)
        await lines.until("dies: born", times=5)
        await lines.until("lives: up")


async def test_tells_of_a_child_that_was_killed(make_child: MakeChild, lines: Lines) -> None:
    async with running([make_child("dies", "import os; os.kill(os.getpid(), 9)")], lines, PATIENT):
        await lines.until("dies: was ended by signal 9; starting it again")


async def test_gives_up_on_a_child_that_keeps_ending_before_all_are_ready(make_child: MakeChild, lines: Lines) -> None:
    children = [make_child("dies", "raise SystemExit(3)", never), make_child("lives", WAITS)]
    with pytest.raises(StartFailed, match="dies ended with exit code 3 3 times before it was ready"):
        await Supervisor(children, lines, QUICK).run()


async def test_gives_up_at_once_on_a_child_that_says_it_cannot_run(make_child: MakeChild, lines: Lines) -> None:
    children = [make_child("unfit", "print('born'); raise SystemExit(78)", never), make_child("lives", WAITS)]
    with pytest.raises(StartFailed, match="unfit cannot run; its last lines tell why"):
        await Supervisor(children, lines, QUICK).run()
    assert lines.all.count("unfit: born") == 1


async def test_gives_up_on_a_child_that_does_not_get_ready(make_child: MakeChild, lines: Lines) -> None:
    children = [make_child("slow", WAITS, never), make_child("quick", WAITS)]
    limits = Limits(ready_within_s=0.5)
    with pytest.raises(StartFailed, match=r"not ready within the 0.5 s of --ready-within: slow$"):
        await Supervisor(children, lines, limits).run()


async def test_ends_those_first_that_need_the_others(make_child: MakeChild, lines: Lines) -> None:
    last_words = (
        "import signal, sys, time\n"
        "signal.signal(signal.SIGTERM, lambda *_: (time.sleep(0.1), print('ending'), sys.exit()))\n"
        "print('up')\ntime.sleep(60)"
    )
    children = [
        replace(make_child(name, last_words), tier=tier) for name, tier in (("a", 0), ("b", 0), ("c", 2), ("d", 1))
    ]
    async with running(children, lines):
        for child in children:
            await lines.until(f"{child.name}: up")
    endings = [line.partition(":")[0] for line in lines.all if "ending" in line]
    assert endings[:2] == ["c", "d"]
    assert set(endings[2:]) == {"a", "b"}


async def test_kills_a_child_that_will_not_end(make_child: MakeChild, lines: Lines) -> None:
    limits = Limits(stop_within_s=0.1)
    async with running([make_child("stubborn", STUBBORN)], lines, limits):
        await lines.until("stubborn: up")
    assert "stubborn: did not end in time; killing it" in lines.all


async def test_a_tier_that_will_not_end_costs_no_other_its_time(make_child: MakeChild, lines: Lines) -> None:
    limits = Limits(stop_within_s=1.0)
    stubborn = replace(make_child("stubborn", STUBBORN), tier=1)
    async with running([stubborn, make_child("obedient", WAITS)], lines, limits):
        await lines.until("stubborn: up")
        await lines.until("obedient: up")
    assert [line for line in lines.all if "killing it" in line] == ["stubborn: did not end in time; killing it"]


async def test_a_second_stop_kills_at_once(make_child: MakeChild, lines: Lines) -> None:
    limits = Limits(stop_within_s=60.0)
    async with running([make_child("stubborn", STUBBORN)], lines, limits) as supervisor:
        await lines.until("stubborn: up")
        supervisor.stop()
    assert "stubborn: did not end in time; killing it" in lines.all


async def test_can_be_stopped_before_anything_is_ready(make_child: MakeChild, lines: Lines) -> None:
    async with running([make_child("slow", WAITS, never)], lines):
        await lines.until("slow: up")


async def test_can_be_stopped_during_a_pause(make_child: MakeChild, lines: Lines) -> None:
    limits = Limits(first_pause_s=60.0)
    async with running([make_child("dies", "raise SystemExit(1)")], lines, limits):
        await lines.until("starting it again in 60 s")


async def test_what_a_child_leaves_behind_ends_with_it(make_child: MakeChild, lines: Lines) -> None:
    leaves = (
        "import subprocess, sys\n"
        "left = subprocess.Popen([sys.executable, '-I', '-S', '-c', 'import time; time.sleep(60)'])\n"
        "print('left', left.pid)"
    )
    async with running([make_child("leaver", leaves)], lines):
        line = await lines.until("leaver: left")
        await gone(int(line.split()[-1]))


async def test_being_cancelled_leaves_nothing_behind(make_child: MakeChild, lines: Lines) -> None:
    tells_pid = "import os, time\nprint('pid', os.getpid())\ntime.sleep(60)"
    run = asyncio.create_task(Supervisor([make_child("one", tells_pid)], lines, QUICK).run())
    line = await lines.until("one: pid")
    run.cancel()
    with pytest.raises(asyncio.CancelledError):
        await run
    await gone(int(line.split()[-1]))


BUSY = "import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: sys.exit())\nwhile True: sum(range(9_999))"


@pytest.mark.parametrize(
    ("limits", "looks", "overdue"),
    [
        # (seconds since the start, CPU seconds of each child that is not ready)
        (Limits(), [(59, {"a": 0.0})], None),
        (Limits(), [(1, {"a": 0.0}), (62, {"a": 0.9})], "not ready, and no progress for 60 s"),
        # A busy machine: little is done in a minute, but something.
        (Limits(), [(1, {"a": 0.0}), (50, {"a": 1.0}), (109, {"a": 1.9})], None),
        (Limits(), [(1, {"a": 0.0}), (50, {"a": 1.0}), (110, {"a": 1.9})], "not ready, and no progress for 60 s"),
        (Limits(), [(1, {"a": 5.0, "b": 0.0}), (50, {"b": 0.0}), (109, {"b": 0.5})], None),
        # A child that was started again has used less than before.
        (Limits(), [(1, {"a": 5.0}), (50, {"a": 0.1}), (61, {"a": 0.2})], "not ready, and no progress for 60 s"),
        # Who gives a limit means it.
        (Limits(ready_within_s=30), [(29, {"a": 9.0})], None),
        (
            Limits(ready_within_s=30),
            [(29, {"a": 9.0}), (30, {"a": 99.0})],
            "not ready within the 30 s of --ready-within",
        ),
    ],
)
def test_a_start_goes_on_while_it_makes_progress(
    limits: Limits, looks: list[tuple[float, dict[str, float]]], overdue: str | None
) -> None:
    progress = StartProgress(limits, 0.0)
    answers = [progress.overdue(now, cpu_s) for now, cpu_s in looks]
    assert answers == [None] * (len(looks) - 1) + [overdue]


async def test_a_child_that_works_is_waited_for_and_one_that_sleeps_is_not(make_child: MakeChild, lines: Lines) -> None:
    limits = replace(QUICK, ready_within_s=None, stuck_after_s=5.0)
    busy = Supervisor([make_child("busy", BUSY, never)], lines, limits)
    idle = Supervisor([make_child("idle", WAITS, never)], lines, limits)
    working = asyncio.create_task(busy.run())
    with pytest.raises(StartFailed, match="not ready, and no progress for 5 s: idle"):
        await idle.run()
    assert not working.done()
    busy.stop()
    await working
