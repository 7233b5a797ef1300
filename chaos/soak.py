"""Rounds of conversations on a mesh, and what its processes hold when nobody talks.

Two kinds: people who talk for minutes, interrupt and hang up as they please; and a storm of sessions that are opened
and dropped at random moments.
"""

import asyncio
import random
from collections import Counter
from collections.abc import Callable
from contextlib import AsyncExitStack, suppress
from pathlib import Path
from typing import NamedTuple

import psutil

from chaos.caller import Caller
from chaos.growth import FEWEST_ROUNDS, MEASURES, Growth, growth
from chaos.judging import losses
from chaos.members import HOST, Member
from chaos.mesh import ChaosMesh
from chaos.phases import asked_last, finished_after
from launcher.running.probes import http_json

_SETTLE_S = 4.0
"""After a round: sessions that were dropped have ended, and every slot is free."""
_ADMITTED_WITHIN_S = 20.0
_REPLY_WITHIN_S = 30.0


class SoakPlan(NamedTuple):
    """What is done. A storm has `sessions` in each round, a soak `callers` who talk for `round_s`."""

    rounds: int = FEWEST_ROUNDS
    round_s: float = 60.0
    callers: int = 8
    """At once."""
    storm_sessions: int | None = None
    """Sessions of a storm in each round; None: no storm."""
    barge_in: float = 0.3
    """The share of replies that are spoken over."""
    drop: float = 0.2
    """The share of conversations that are dropped in the middle."""
    seed: int = 0


class SoakResult(NamedTuple):
    """What was seen."""

    counts: Counter[str]
    """Conversations, replies, and what went wrong, by name."""
    growths: list[Growth]

    @property
    def is_flat(self) -> bool:
        """Whether nothing grows."""
        return all(each.is_flat for each in self.growths)


class Soak:
    """Runs rounds on a mesh; `on_round` is told after each, with its number and the counts so far."""

    def __init__(
        self, mesh: ChaosMesh, plan: SoakPlan, on_round: Callable[[int, Counter[str]], None] = lambda *_: None
    ) -> None:
        self._mesh = mesh
        self._plan = plan
        self._on_round = on_round
        self._chance = random.Random(plan.seed)  # noqa: S311 - repeatable on purpose
        self._counts: Counter[str] = Counter()

    async def run(self) -> SoakResult:
        """Do all of it."""
        samples: dict[tuple[str, str], list[float]] = {}
        starts = sum(member.starts for member in self._mesh.members)
        for number in range(self._plan.rounds):
            if self._plan.storm_sessions is None:
                await asyncio.gather(*(self._talk_for_a_round(place) for place in range(self._plan.callers)))
            else:
                await self._storm(self._plan.storm_sessions)
            await asyncio.sleep(_SETTLE_S)
            for member in self._mesh.members:
                for measure, value in (await _use(member)).items():
                    samples.setdefault((member.name, measure), []).append(value)
            self._on_round(number + 1, self._counts)
        # A process that died on the way has fewer samples, and that is counted.
        self._counts["processes that ended"] = sum(member.starts for member in self._mesh.members) - starts
        return SoakResult(
            self._counts,
            [growth(*of, values) for of, values in samples.items() if len(values) == self._plan.rounds],
        )

    async def _talk_for_a_round(self, place: int) -> None:
        clock = asyncio.get_running_loop().time
        over = clock() + self._plan.round_s
        await asyncio.sleep(self._chance.uniform(0, 2))
        while clock() < over:
            await self._converse(place, over)

    async def _converse(self, place: int, over: float) -> None:
        """One conversation of some turns; or it is dropped in the middle."""
        clock = asyncio.get_running_loop().time
        async with AsyncExitStack() as stack:
            caller = await stack.enter_async_context(Caller(self._mesh.edges_from(place)))
            self._counts["conversations"] += 1
            if not await caller.until_admitted(_ADMITTED_WITHIN_S):
                self._counts["not admitted"] += 1
                return
            for _ in range(self._chance.randint(1, 4)):
                if clock() > over:
                    break
                await caller.say(self._chance.randint(1, 6))
                if self._chance.random() < self._plan.drop:
                    await asyncio.sleep(self._chance.uniform(0, 4))
                    self._counts["dropped"] += 1
                    caller.drop()
                    break
                asked = asked_last(caller.journal)
                if self._chance.random() < self._plan.barge_in:
                    await asyncio.sleep(self._chance.uniform(0.5, 4))
                    self._counts["interrupted"] += 1
                    continue
                heard = await caller.until(finished_after(asked), _REPLY_WITHIN_S)
                self._counts["replies" if heard else "replies missing"] += 1
            lost = len(list(losses(caller.journal))) if not caller.is_dropped else 0
            self._counts["conversations lost"] += lost

    async def _storm(self, sessions: int) -> None:
        """So many sessions, some at once, each gone after a moment."""
        left = iter(range(sessions))

        async def one_after_the_other() -> None:
            for number in left:
                await self._flash(number)

        await asyncio.gather(*(one_after_the_other() for _ in range(self._plan.callers)))

    async def _flash(self, number: int) -> None:
        """Open a session and be gone: before it is admitted, after it, while speaking, or after typing."""
        self._counts["sessions"] += 1
        async with Caller(self._mesh.edges_from(number)) as caller:
            kind = self._chance.randrange(4)
            if kind == 0:
                await asyncio.sleep(self._chance.uniform(0, 0.05))
            elif await caller.until_admitted(_ADMITTED_WITHIN_S):
                if kind == 1:
                    speaking = asyncio.create_task(caller.say(2))
                    await asyncio.sleep(self._chance.uniform(0, 0.6))
                    speaking.cancel()
                elif kind == 2:  # noqa: PLR2004 - the third of four
                    await caller.type("Hello?")
                    await asyncio.sleep(self._chance.uniform(0, 0.6))
            else:
                self._counts["not admitted"] += 1
            if self._chance.random() < 0.5:  # noqa: PLR2004 - half of them hang up in good order
                caller.drop()


async def _use(member: Member) -> dict[str, float]:
    """What a process and its descendants hold just now."""
    used: dict[str, float] = {}
    if member.pid is not None:
        with suppress(psutil.Error):
            used = await asyncio.to_thread(_measured, member.pid, member.tasks_file)
    if member.victim.is_engine and (state := await http_json(HOST, member.port, "/standin")):
        used["slots"] = float(state["slots"]["used"])
        # A stand-in remembers its last sessions, with all that came in them.
        used.pop("memory_mb", None)
    return {measure: used[measure] for measure in MEASURES if measure in used}


def _measured(pid: int, tasks_file: Path) -> dict[str, float]:
    process = psutil.Process(pid)
    family = [process, *process.children(recursive=True)]
    used = {
        "memory_mb": sum(each.memory_full_info().uss for each in family) / (1 << 20),
        "descriptors": float(sum(each.num_fds() for each in family)),
        "sockets": float(sum(len(each.net_connections("inet")) for each in family)),
        "threads": float(sum(each.num_threads() for each in family)),
    }
    with suppress(OSError, ValueError):
        used["tasks"] = float(tasks_file.read_text(encoding="ascii"))
    return used
