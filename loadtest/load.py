"""Runs a test: brings the users in, keeps them there, and samples what happens meanwhile."""

import asyncio
import os
import platform
import random
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime
from importlib.metadata import PackageNotFoundError, version
from itertools import pairwise
from typing import Any, NamedTuple

import psutil

from loadtest.processes import ProcessSampler, own_cpu_s
from loadtest.results import OwnLag, ProcessFigures, Result
from loadtest.sessions import End, Mark, SessionRecord
from loadtest.stage import Scenario, Stage, hold_session
from loadtest.statistics import Spread, Tally, spread
from mesh.process.lag import LoopLag
from mesh.process.platform import processor
from mesh.times import loop_time

_SAMPLED_EVERY_S = 1.0
_LAG_PROBED_EVERY_S = 0.01

_NEXT_COMES_S = 0.5
"""How soon a session is followed by the next."""
_COMES_BACK_S = 1.0
"""When a user who was refused tries again, unless told."""
_LATEST_RETURN_S = 30.0


class Plan(NamedTuple):
    """How many users there are, and when. Times are in seconds."""

    users: int = 10
    """At once. A user whose session is over begins another."""
    ramp_s: float = 10.0
    """From the first user to the last, in even steps; 0: all at once."""
    duration_s: float = 60.0
    """How long all of them are there."""
    settle_s: float = 2.0
    """How much of the duration's beginning is not measured."""


class Progress(NamedTuple):
    """How a test stands."""

    elapsed_s: float
    total_s: float
    users: int
    live: int
    turns: int
    headline: str
    """Of the last 100 turns, for people."""
    refused: int
    lost: int
    lag_max_s: float
    """The load side's own, within the last second."""


async def run_load(
    plan: Plan,
    scenario: Scenario,
    *,
    processes: Mapping[int, str] | None = None,
    options: Mapping[str, Any] | None = None,
    on_progress: Callable[[Progress], None] = lambda _: None,
    seed: int | None = None,
) -> Result:
    """Run a test, and close the scenario.

    `processes` are those whose use is measured, by id; `options` are noted in the result; `on_progress` is called every
    second.
    """
    began, started = loop_time(), datetime.now().astimezone().isoformat(timespec="seconds")
    frames_late, lag, recent_lag = Tally(), Tally(), _Highest()

    def note_lag(seconds: float, _now: float) -> None:
        lag.add(seconds)
        recent_lag.note(seconds)

    stage = Stage(began, frames_late.add, random.Random(seed))  # noqa: S311 - habits, no secrets
    sampler = await asyncio.to_thread(ProcessSampler, dict(processes or {}))
    live: list[tuple[float, int]] = []
    own_before = own_cpu_s()
    total_s = plan.ramp_s + plan.duration_s
    with LoopLag(note_lag, _LAG_PROBED_EVERY_S).measured():
        users = [asyncio.create_task(_user(stage, scenario, plan, number)) for number in range(plan.users)]
        try:
            while (now := stage.now()) < total_s:
                await asyncio.to_thread(sampler.sample, now)
                live.append((now, stage.live))
                on_progress(_progress(stage, scenario.headline, plan, now, recent_lag.take()))
                await asyncio.sleep(min(_SAMPLED_EVERY_S, max(0.0, total_s - stage.now())))
                _raise_bugs(users)
            await asyncio.to_thread(sampler.sample, stage.now())
            live.append((stage.now(), stage.live))
        finally:
            for user in users:
                user.cancel()
            await asyncio.gather(*users, return_exceptions=True)
            await scenario.close()
    ended = live[-1][0]
    measured_from = min(plan.ramp_s + plan.settle_s, ended)
    return Result(
        target=scenario.name,
        kind=scenario.kind,
        headline=scenario.headline,
        options=plan._asdict() | dict(options or {}),
        users=plan.users,
        measured_from_s=measured_from,
        measured_to_s=ended,
        records=stage.records,
        lag=OwnLag(
            p50_s=lag.percentile_s(0.5),
            p99_s=lag.percentile_s(0.99),
            max_s=lag.max_s,
            frames_p99_s=frames_late.percentile_s(0.99),
            cpu_share=(own_cpu_s() - own_before) / max(ended, 0.001),
        ),
        live=live,
        live_minutes=_live_minutes(live, measured_from),
        processes=_figures(sampler, measured_from, ended),
        memory_kind=sampler.memory_kind,
        machine=machine(),
        started=started,
    )


def machine() -> dict[str, Any]:
    """What the test ran on, for whoever compares."""
    versions = {}
    for package in ("parley", "grpcio", "websockets", "uvloop", "uvicorn"):
        with suppress(PackageNotFoundError):
            versions[package] = version(package)
    return {
        "processors": os.cpu_count(),
        "memory_mb": psutil.virtual_memory().total >> 20,
        "processor": processor(),
        "system": platform.platform(),
        "python": platform.python_version(),
        "load_average": list(os.getloadavg()),
        "versions": versions,
    }


async def _user(stage: Stage, scenario: Scenario, plan: Plan, number: int) -> None:
    """One user after the other: whenever a session is over, the next one begins."""
    await asyncio.sleep(plan.ramp_s * number / plan.users)
    while True:
        record = await hold_session(stage, scenario)
        if record.end is End.REFUSED:
            told = _COMES_BACK_S if record.retry_after_s is None else record.retry_after_s
            pause_s = min(max(told, _COMES_BACK_S), _LATEST_RETURN_S)
        else:
            pause_s = _NEXT_COMES_S
        await asyncio.sleep(pause_s * stage.chance.uniform(1.0, 1.2))


def _raise_bugs(users: list[asyncio.Task[None]]) -> None:
    """A user never ends: one that has met a bug."""
    for user in users:
        if user.done():
            user.result()


def _progress(stage: Stage, headline: Mark, plan: Plan, now: float, lag_max_s: float) -> Progress:
    turns = [turn for record in stage.records for turn in record.turns]
    latest = sorted((turn for turn in turns if headline in turn.marks), key=lambda each: each.at_s)[-100:]
    figures = spread([turn.marks[headline] for turn in latest])
    return Progress(
        elapsed_s=now,
        total_s=plan.ramp_s + plan.duration_s,
        users=plan.users,
        live=stage.live,
        turns=len(turns),
        headline=f"{headline.label} {_in_short(figures)}",
        refused=_count(stage.records, End.REFUSED),
        lost=_count(stage.records, End.LOST),
        lag_max_s=lag_max_s,
    )


def _in_short(found: Spread | None) -> str:
    return f"p50 {found.p50 * 1_000:.0f}, p95 {found.p95 * 1_000:.0f} ms" if found else "not yet"


def _count(records: list[SessionRecord], end: End) -> int:
    return sum(record.end is end for record in records)


class _Highest:
    """The highest value since the last look."""

    def __init__(self) -> None:
        self._highest = 0.0

    def note(self, value: float) -> None:
        self._highest = max(self._highest, value)

    def take(self) -> float:
        highest, self._highest = self._highest, 0.0
        return highest


def _live_minutes(live: list[tuple[float, int]], begin: float) -> float:
    """The area under the samples from `begin` on, in session minutes."""
    return sum((later - max(at, begin)) * count / 60 for (at, count), (later, _) in pairwise(live) if later > begin)


def _figures(sampler: ProcessSampler, begin: float, end: float) -> list[ProcessFigures]:
    used = sampler.cpu_between(begin, end)
    figures = []
    for use in sampler.uses:
        steps = zip(sampler.times, sampler.times[1:], use.cpu_s, use.cpu_s[1:], strict=False)
        figures.append(
            ProcessFigures(
                name=use.name,
                cpu_s=used[use.name],
                memory_mb=max(use.memory_mb, default=0.0),
                times=sampler.times[1:],
                cpu_shares=[(after - before) / max(later - at, 0.001) for at, later, before, after in steps],
            )
        )
    return figures
