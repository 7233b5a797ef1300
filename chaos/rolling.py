"""A rolling restart: every process is asked to stop and started again, one after the other, under conversations."""

import asyncio
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

from chaos.caller import Caller
from chaos.journal import Entry, Lost
from chaos.judging import Outcome, Promise, judge
from chaos.members import Fault, Victim
from chaos.mesh import REPLY, ChaosMesh
from chaos.phases import ASKED_WORDS
from chaos.strikes import ADMITTED_WITHIN_S, listen_to_the_end

RESTARTED: Sequence[Victim] = [victim for victim in Victim if not victim.is_engine]
"""What is restarted: every kind of process of Parley's own."""

_BETWEEN_TURNS_S = 1.0
_CYCLE_S = 9.0
"""About how long a turn takes, with its answer. People begin spread over it, lest all speak at the same time."""
_DEAD_AFTER_S = 10.0
"""An edge says that it is about to stop. One that is late on a busy machine is not given up."""
_ENDED_WITHIN_S = 60.0
"""How long a process may take from the request to stop until it serves again, and its mesh is whole."""
_SILENCE_S = 1.0
"""What is promised for a planned stop: no silence longer than this beyond the usual."""


class Held(NamedTuple):
    """One conversation during the restart."""

    outcome: Outcome
    turns: int
    journal: list[Entry]


async def restart_all(
    mesh: ChaosMesh, people: int, usual_wait_s: float, on_restarted: Callable[[str], None]
) -> list[Held]:
    """Restart every process, one after the other, while so many people talk. `on_restarted` is told each one's name."""
    clock = asyncio.get_running_loop().time
    over = asyncio.Event()
    callers = [Caller(mesh.edges_from(number), dead_after_s=_DEAD_AFTER_S) for number in range(people)]
    async with AsyncExitStack() as stack:
        talks = []
        for caller in callers:
            await stack.enter_async_context(caller)
            talks.append(asyncio.create_task(_talk(caller, over)))
            await asyncio.sleep(_CYCLE_S / people)
        try:
            await asyncio.gather(*(caller.until_admitted(ADMITTED_WITHIN_S) for caller in callers))
            for member in (each for victim in RESTARTED for each in mesh.replicas(victim)):
                await member.strike(Fault.TERM, 0.0)
                starts = member.starts
                async with asyncio.timeout(_ENDED_WITHIN_S):
                    while member.starts == starts:  # noqa: ASYNC110 - another process sets no event
                        await asyncio.sleep(0.1)
                await mesh.until_whole(_ENDED_WITHIN_S)
                on_restarted(member.name)
            over.set()
            turns = await asyncio.gather(*talks)
        finally:
            for task in talks:
                task.cancel()
        ended_at = clock()
    held = []
    for caller, count in zip(callers, turns, strict=True):
        journal = [entry for entry in caller.journal if not (isinstance(entry, Lost) and entry.at >= ended_at)]
        outcome = judge(journal, reply=REPLY, usual_wait_s=usual_wait_s, promise=Promise(_SILENCE_S), ended_at=ended_at)
        held.append(Held(outcome, count, journal))
    return held


async def _talk(caller: Caller, over: asyncio.Event) -> int:
    """Ask and listen, again and again, until everything was restarted. Returns how often."""
    turns = 0
    while True:
        last = over.is_set()
        await caller.until_admitted(ADMITTED_WITHIN_S)
        await caller.say(ASKED_WORDS)
        await listen_to_the_end(caller)
        turns += 1
        if last:
            return turns
        await asyncio.sleep(_BETWEEN_TURNS_S)
