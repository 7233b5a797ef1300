"""Keeps child processes running until `Supervisor.stop`.

All are started at once. Each is probed until it is ready; when every one is, `Supervisor.ready` is set. A child that
ends is started again after a pause that doubles. Before all are ready, three things make the whole start fail: a child
that keeps ending, a child that ends with `os.EX_CONFIG` (once is enough), and a start that makes no progress. Once
all have been ready, every child that ends is started again.

Children are stopped tier by tier, the highest first. A child's tier is above those of the children it needs, so it can
finish its work while they still run.
"""

import asyncio
import os
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from enum import Enum

from launcher.failure import Failure
from launcher.running.process import cpu_seconds, kill_group, started
from mesh.pool import Backoff

# How often a child that starts is asked whether it is ready, in seconds. Later less often: being asked costs CPU time,
# and CPU time counts as progress.
_PROBE_INTERVAL_S = 0.2
_LATER_PROBE_INTERVAL_S = 1.0
_SOON_S = 10.0

_PROGRESS_INTERVAL_S = 2.0
"""How often the progress of a start is looked at."""

_PROGRESS_CPU_S = 1.0
"""How much CPU time the children that are not ready must use to count as working; answering probes takes less."""

Log = Callable[[str, str], None]
"""Takes a child's name and one line about or from it."""


class StartFailed(Failure):
    """The children could not all be made ready. `names` are those it is about."""

    def __init__(self, message: str, names: Sequence[str]) -> None:
        super().__init__(message)
        self.names = names


class Stage(Enum):
    """Where a child has got to."""

    STARTING = "starting"
    READY = "ready"
    ENDED = "ended"


OnStage = Callable[[str, Stage], None]
"""Called with a child's name and its new stage."""


@dataclass(frozen=True, slots=True)
class Child:
    """A process to keep running. `ready` returns whether it works by now, within seconds.

    A child of a higher `tier` needs those of the lower ones to do its work.
    """

    name: str
    command: tuple[str, ...]
    environ: Mapping[str, str]
    ready: Callable[[], Awaitable[bool]]
    tier: int = 0


@dataclass(frozen=True, slots=True)
class Limits:
    """How long is waited for what. In seconds, except how many times a child may end before all are ready.

    A start with `ready_within_s` has so long; one without goes on while it makes progress within each `stuck_after_s`.
    `stop_within_s` is for each tier of children.
    """

    ready_within_s: float | None = None
    stuck_after_s: float = 60.0
    ends_before_ready: int = 3
    stop_within_s: float = 35.0
    first_pause_s: float = 0.5
    longest_pause_s: float = 30.0
    settled_s: float = 10.0


class StartProgress:
    """Whether a start takes too long. Time and what the children have done are arguments."""

    def __init__(self, limits: Limits, now: float) -> None:
        self._limits = limits
        self._began = now
        self._progressed_at = now
        self._cpu_s: Mapping[str, float] = {}

    def overdue(self, now: float, cpu_s: Mapping[str, float]) -> str | None:
        """Why the start has failed, or None. `cpu_s` has the CPU time so far of each child that is not ready yet."""
        limit_s = self._limits.ready_within_s
        if limit_s is not None:
            late = now - self._began >= limit_s
            return f"not ready within the {limit_s:g} s of --ready-within" if late else None
        used = sum(max(0.0, seconds - self._cpu_s.get(name, 0.0)) for name, seconds in cpu_s.items())
        if used >= _PROGRESS_CPU_S or cpu_s.keys() != self._cpu_s.keys():
            self._cpu_s = dict(cpu_s)
            self._progressed_at = now
        stuck_s = self._limits.stuck_after_s
        return f"not ready, and no progress for {stuck_s:g} s" if now - self._progressed_at >= stuck_s else None


class Supervisor:
    """Runs `children` once: `run()` starts them, `stop()` ends them. It reports to `log` and `on_stage`."""

    def __init__(
        self, children: Sequence[Child], log: Log, limits: Limits | None = None, on_stage: OnStage | None = None
    ) -> None:
        self.ready = asyncio.Event()
        self._children = children
        self._log = log
        self._limits = limits or Limits()
        self._on_stage = on_stage or (lambda _name, _stage: None)
        self._running: dict[str, asyncio.subprocess.Process] = {}
        self._stopping = asyncio.Event()
        self._to_end: set[str] = set()
        self._failure: StartFailed | None = None

    async def run(self) -> None:
        """Keep the children running until `stop()`. Raises `StartFailed`. No child is left when it returns."""
        async with asyncio.TaskGroup() as group:
            keeping = {child.name: group.create_task(self._keep(child)) for child in self._children}
            getting_ready = group.create_task(self._get_ready())
            await self._stopping.wait()
            getting_ready.cancel()
            await self._end(keeping)
        if self._failure is not None:
            raise self._failure

    def stop(self) -> None:
        """Ask the children to end, and kill those that have not in time. Called again: kill them now."""
        if self._stopping.is_set():
            self._kill(self._running)
        self._stopping.set()

    async def _end(self, keeping: Mapping[str, asyncio.Task[None]]) -> None:
        """Ask tier after tier to end, and wait until it has."""
        for tier in sorted({child.tier for child in self._children}, reverse=True):
            names = [child.name for child in self._children if child.tier == tier]
            self._to_end.update(names)
            for name in names:
                if name in self._running:
                    _terminate(self._running[name])
            waiting = [keeping[name] for name in names]
            _, late = await asyncio.wait(waiting, timeout=self._limits.stop_within_s)
            if late:
                self._kill(names)
                await asyncio.wait(waiting)

    def _kill(self, names: Iterable[str]) -> None:
        for name in names:
            process = self._running.get(name)
            if process and process.returncode is None:
                self._log(name, "did not end in time; killing it")
                kill_group(process)

    async def _keep(self, child: Child) -> None:
        """Run a child again and again."""
        limits = self._limits
        backoff = Backoff(limits.first_pause_s, limits.longest_pause_s, limits.settled_s)
        ends = 0
        while not self._stopping.is_set():
            began = time.monotonic()
            code = await self._run_once(child)
            if self._stopping.is_set():
                return
            how = _described(code)
            ends += 1
            self._on_stage(child.name, Stage.ENDED)
            if code == os.EX_CONFIG and not self.ready.is_set():
                self._fail(f"{child.name} cannot run; its last lines tell why", [child.name])
                return
            if ends >= limits.ends_before_ready and not self.ready.is_set():
                self._fail(f"{child.name} {how} {ends} times before it was ready", [child.name])
                return
            pause_s = backoff.pause(time.monotonic() - began)
            self._log(child.name, f"{how}; starting it again in {pause_s:g} s")
            with suppress(TimeoutError):
                await asyncio.wait_for(self._stopping.wait(), pause_s)

    async def _run_once(self, child: Child) -> int:
        """Run a child until it ends; its exit code, negative for a signal."""
        async with started(child.command, child.environ, lambda line: self._log(child.name, line)) as process:
            self._running[child.name] = process
            self._on_stage(child.name, Stage.STARTING)
            try:
                if child.name in self._to_end:
                    _terminate(process)
                return await process.wait()
            finally:
                del self._running[child.name]

    async def _get_ready(self) -> None:
        waiting = {child.name for child in self._children}
        began = time.monotonic()
        progress = StartProgress(self._limits, began)
        probing = [asyncio.create_task(self._await_ready(child, waiting)) for child in self._children]
        try:
            while True:
                _, probed = await asyncio.wait(probing, timeout=_PROGRESS_INTERVAL_S)
                if not probed:
                    break
                cpu_s = await asyncio.to_thread(self._cpu_s, sorted(waiting))
                if why := progress.overdue(time.monotonic(), cpu_s):
                    self._fail(f"{why}: {', '.join(sorted(waiting))}", sorted(waiting))
                    return
        finally:
            for task in probing:
                task.cancel()
        self.ready.set()

    def _cpu_s(self, names: Sequence[str]) -> dict[str, float]:
        """The CPU time of each of these children that runs, with its own children's."""
        running = dict(self._running)
        return {name: cpu_seconds(running[name].pid) if name in running else 0.0 for name in names}

    async def _await_ready(self, child: Child, waiting: set[str]) -> None:
        began = time.monotonic()
        while child.name not in self._running or not await child.ready():
            soon = time.monotonic() < began + _SOON_S
            await asyncio.sleep(_PROBE_INTERVAL_S if soon else _LATER_PROBE_INTERVAL_S)
        waiting.discard(child.name)
        self._on_stage(child.name, Stage.READY)
        self._log(child.name, f"ready after {time.monotonic() - began:.1f} s")

    def _fail(self, why: str, names: Sequence[str]) -> None:
        self._failure = StartFailed(why, names)
        self.stop()


def _terminate(process: asyncio.subprocess.Process) -> None:
    with suppress(ProcessLookupError):
        process.terminate()


def _described(code: int) -> str:
    return f"ended with exit code {code}" if code >= 0 else f"was ended by signal {-code}"
