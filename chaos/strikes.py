"""One strike: conversations in every phase, one fault, and what became of each of them."""

import asyncio
import random
from collections.abc import Sequence
from contextlib import AsyncExitStack
from typing import NamedTuple

from chaos.caller import Caller
from chaos.journal import Entry, Lost
from chaos.judging import Outcome, Promise, judge, phase_at, usual_wait_s
from chaos.members import LATENCY_S, Fault, Member, Victim
from chaos.mesh import REPLY, ChaosMesh
from chaos.phases import ASKED_WORDS, LEAD_S, OPENING_LEAD_S, PHASES, Timing, asked_last, finished_after, last_heard

NOTICED_S = 1.0
"""How long it may take to notice that a process hangs or is cut off, on top of what a fault may cost."""
_WITH_ANOTHER_S = 1.0
_WITH_A_RESTART_S = 3.0
"""What a fault may cost at most: where another replica is up, and where one has to start again."""

_ASKS_AGAIN = frozenset({Victim.LLM, Victim.ORCHESTRATOR, Victim.EDGE})
"""Whose loss ends the request to the language model."""

ADMITTED_WITHIN_S = 15.0
_PATIENCE_S = 10.0
"""How long a person listens into a silence before asking again: by then every promise is kept or broken."""


class Conversation(NamedTuple):
    """One conversation of a strike. Times in `journal` count from the strike."""

    phase: str
    seen: str
    """The phase that it really was in, by its journal."""
    outcome: Outcome
    journal: list[Entry]


class Strike(NamedTuple):
    """What a fault did."""

    victim: Victim
    fault: Fault
    member: str
    usual_wait_s: float
    lag_s: float
    """The longest that this process itself was late meanwhile: what it measures is no more exact."""
    conversations: list[Conversation]


class StrikePlan(NamedTuple):
    """How strikes are made."""

    phases: Sequence[str] = tuple(PHASES)
    each: int = 2
    """Conversations in each phase: two, so that most likely each replica holds one."""
    held_s: float = 10.0
    """How long a fault lasts that is over some time."""
    seed: int = 0


def promise(victim: Victim, fault: Fault, replicas: int, *, first_token_s: float = 0.0) -> Promise:
    """What the fault may cost where the victim is one of so many replicas.

    Where the language model has to be asked again, it needs `first_token_s` for its first word, as for any other.
    """
    again_s = first_token_s if victim in _ASKS_AGAIN else 0.0
    noticed = NOTICED_S if fault in {Fault.STOP, Fault.PARTITION} else 0.0
    if fault is Fault.NONE or victim is Victim.VOICE_SERVICE:
        return Promise(_WITH_ANOTHER_S)
    if fault is Fault.LATENCY:
        return Promise(_WITH_ANOTHER_S + 4 * LATENCY_S)
    if replicas > 1 or fault is Fault.CUT:
        return Promise(_WITH_ANOTHER_S + noticed + again_s)
    return Promise(_WITH_A_RESTART_S + noticed + again_s, told_is_enough=fault.lasts)


class Striker:
    """Makes strikes on a mesh, one after the other."""

    def __init__(self, mesh: ChaosMesh, plan: StrikePlan) -> None:
        self._mesh = mesh
        self._plan = plan
        self._chance = random.Random(plan.seed)  # noqa: S311 - repeatable on purpose
        self._usual_wait_s = 3.0

    @property
    def usual_wait_s(self) -> float:
        """How long a reply's first sound takes without a fault, as last measured."""
        return self._usual_wait_s

    async def warm_up(self) -> None:
        """Hold a conversation with each edge, to have everything loaded, and to know how long a reply usually takes."""
        callers = [Caller(self._mesh.edges_from(number)) for number in range(len(self._mesh.edges))]
        for _ in range(2):
            async with AsyncExitStack() as stack:
                for caller in callers:
                    await stack.enter_async_context(caller)
                await asyncio.gather(*(self._ask(caller) for caller in callers))
        if (usual := usual_wait_s([caller.journal for caller in callers], float("inf"))) is not None:
            self._usual_wait_s = usual

    @staticmethod
    async def _ask(caller: Caller) -> None:
        await caller.until_admitted(ADMITTED_WITHIN_S)
        await caller.say(ASKED_WORDS)
        await caller.until(finished_after(asked_last(caller.journal)), 2 * _PATIENCE_S)

    async def strike(self, victim: Victim, fault: Fault) -> Strike:
        """Bring conversations into their phases, do it, and judge."""
        await self._mesh.until_whole()
        # Of several language models the first is the one that is asked.
        member = self._mesh.replicas(victim)[0] if victim is Victim.LLM else self._choice(victim)
        clock = asyncio.get_running_loop().time
        moment = clock() + LEAD_S
        lag = _Lag()
        wanted = [phase for phase in self._plan.phases for _ in range(self._plan.each)]
        async with AsyncExitStack() as stack:
            stack.callback(lag.stop)
            callers = [Caller(self._mesh.edges_from(number)) for number in range(len(wanted))]
            lasting = asyncio.create_task(self._do(member, fault, moment, self._plan.held_s))
            over = moment + (self._plan.held_s if fault.lasts else 0.0)
            timings = [
                Timing(moment, over, self._usual_wait_s, number % self._plan.each * 0.3)
                for number in range(len(wanted))
            ]
            scripts = [
                asyncio.create_task(self._hold(stack, caller, phase, timing))
                for caller, phase, timing in zip(callers, wanted, timings, strict=True)
            ]
            try:
                await asyncio.gather(lasting, *scripts)
            finally:
                for task in (lasting, *scripts):
                    task.cancel()
            ended_at = clock()
        usual = usual_wait_s([caller.journal for caller in callers], moment)
        if usual is not None:
            self._usual_wait_s = usual
        plan = self._mesh.plan
        allowed = promise(victim, fault, plan.count(victim), first_token_s=plan.first_token_s)
        return Strike(
            victim,
            fault,
            member.name,
            self._usual_wait_s,
            lag.longest_s,
            [
                self._conversation(phase, caller, moment, ended_at, allowed)
                for phase, caller in zip(wanted, callers, strict=True)
            ],
        )

    def _choice(self, victim: Victim) -> Member:
        return self._chance.choice(self._mesh.replicas(victim))

    def _conversation(
        self, phase: str, caller: Caller, moment: float, ended_at: float, allowed: Promise
    ) -> Conversation:
        # The end that the caller makes itself is none.
        journal = [entry for entry in caller.journal if not (isinstance(entry, Lost) and entry.at >= ended_at)]
        outcome = judge(journal, reply=REPLY, usual_wait_s=self._usual_wait_s, promise=allowed, ended_at=ended_at)
        seen = phase_at(journal, moment)
        return Conversation(phase, seen, outcome, [entry._replace(at=entry.at - moment) for entry in journal])

    @staticmethod
    async def _do(member: Member, fault: Fault, moment: float, held_s: float) -> None:
        await asyncio.sleep(moment - asyncio.get_running_loop().time())
        await member.strike(fault, held_s)

    async def _hold(self, stack: AsyncExitStack, caller: Caller, phase: str, timing: Timing) -> None:
        """One conversation from its beginning to the answer to its last question."""
        clock = asyncio.get_running_loop().time
        lead_s = OPENING_LEAD_S if phase == "opening" else LEAD_S
        await asyncio.sleep(timing.strike - lead_s - timing.jitter_s / 10 - clock())
        await stack.enter_async_context(caller)
        await PHASES[phase](caller, timing)
        await listen_to_the_end(caller)
        await asyncio.sleep(max(0.0, timing.over - clock()))
        # A person does not speak into a reply that has come back meanwhile.
        await listen_to_the_end(caller)
        await caller.until_admitted(ADMITTED_WITHIN_S)
        await caller.say(ASKED_WORDS)
        await listen_to_the_end(caller)
        await asyncio.sleep(0.3)


async def listen_to_the_end(caller: Caller) -> None:
    """Until the reply was heard, or nothing has come for so long that nobody would wait for it."""
    finished = finished_after(asked_last(caller.journal))
    while not await caller.until(finished, _PATIENCE_S):
        heard = last_heard(caller.journal)
        if heard is None or heard + _PATIENCE_S < asyncio.get_running_loop().time():
            return


class _Lag:
    """How late this process's event loop is."""

    _EVERY_S = 0.05

    def __init__(self) -> None:
        self.longest_s = 0.0
        self._loop = asyncio.get_running_loop()
        self._due = 0.0
        self._timer = self._loop.call_soon(self._begin)

    def stop(self) -> None:
        """Measure no more."""
        self._timer.cancel()

    def _begin(self) -> None:
        self._due = self._loop.time() + self._EVERY_S
        self._timer = self._loop.call_at(self._due, self._tick)

    def _tick(self) -> None:
        self.longest_s = max(self.longest_s, self._loop.time() - self._due)
        self._begin()
