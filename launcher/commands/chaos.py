"""`parley chaos`: breaks a mesh of its own in every way, and shows what its conversations notice."""

import asyncio
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import click
import msgspec

from chaos import matrix
from chaos.members import Fault, Victim
from chaos.mesh import MeshPlan, running_mesh
from chaos.phases import PHASES
from chaos.rolling import Held, restart_all
from chaos.strikes import Strike, StrikePlan, Striker
from launcher import options
from launcher.command import Command
from launcher.console import console
from launcher.failure import ExitCode, Failure
from mesh.settings import ServiceSettings

_USUAL_FAULTS = (Fault.KILL, Fault.STOP, Fault.TERM, Fault.PARTITION)


class PromisesBroken(Failure):
    """A conversation noticed more than is promised."""


@click.command(
    cls=Command,
    examples=[
        ("parley chaos", "every victim, the usual faults, every phase"),
        ("parley chaos --victim orchestrator --fault kill --fault stop", "two rows of the matrix"),
        ("parley chaos --rolling 20", "a rolling restart under 20 conversations"),
        ("parley chaos --victim llm --models 2", "where another language model can be asked"),
        ("parley chaos --victim tts-proxy --phase mid-reply --replicas 1", "with a supervisor and no other replica"),
    ],
    exit_codes={
        ExitCode.DONE: "every promise was kept",
        ExitCode.FAILED: "a promise was broken, or the mesh did not start",
        ExitCode.USAGE: ExitCode.USAGE.meaning,
        ExitCode.INTERRUPTED: ExitCode.INTERRUPTED.meaning,
    },
)
@click.option(
    "--victim",
    "victims",
    multiple=True,
    type=click.Choice([victim.value for victim in Victim]),
    help="What is hit; repeat.  [default: all]",
)
@click.option(
    "--fault",
    "faults",
    multiple=True,
    type=click.Choice([fault.value for fault in Fault]),
    help=f"What happens to it; repeat.  [default: {', '.join(_USUAL_FAULTS)}]",
)
@click.option(
    "--phase",
    "phases",
    multiple=True,
    type=click.Choice([*PHASES]),
    help="Phases of conversations; repeat.  [default: all]",
)
@click.option("--each", type=click.IntRange(1, 20), default=2, show_default=True, help="Conversations in each phase.")
@click.option(
    "--replicas", type=click.IntRange(1, 4), default=2, show_default=True, help="Of each process that can have several."
)
@click.option(
    "--models",
    type=click.IntRange(1, 3),
    default=1,
    show_default=True,
    help="Language models; the others are asked where the first fails.",
)
@click.option(
    "--restart",
    "restart_s",
    type=click.FloatRange(0.1, 60),
    default=3.0,
    show_default=True,
    metavar="SECONDS",
    help="Until a process that has ended is started again; at most 0.6 if it is the only one of its kind.",
)
@click.option(
    "--held",
    "held_s",
    type=click.FloatRange(0.5, 60),
    default=10.0,
    show_default=True,
    metavar="SECONDS",
    help="How long a process is stopped, or cut off.",
)
@click.option(
    "--rounds", type=click.IntRange(1, 100), default=1, show_default=True, help="How often everything is done."
)
@click.option(
    "--again",
    type=click.IntRange(0, 5),
    default=0,
    show_default=True,
    help="How often a strike that broke a promise is repeated; the last result counts. For a machine that is busy.",
)
@click.option(
    "--rolling",
    "rolling",
    type=click.IntRange(1, 200),
    metavar="PEOPLE",
    help="Instead of all that: restart every process, one after the other, while so many people talk.",
)
@click.option("--seed", type=int, default=0, help="Of the choice of replicas.")
@options.written_file("--markdown", help="Write the matrix into this file.")
@options.written_file("--json", "json_file", help="Write everything that was observed into this file.")
@click.option(
    "--logs", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER", help="Keep the processes' logs here."
)
def chaos(
    victims: Sequence[str],
    faults: Sequence[str],
    phases: Sequence[str],
    *,
    each: int,
    replicas: int,
    models: int,
    restart_s: float,
    held_s: float,
    rounds: int,
    again: int,
    rolling: int | None,
    seed: int,
    markdown: Path | None,
    json_file: Path | None,
    logs: Path | None,
) -> None:
    """Run conversations on a mesh of this command's own, and kill, freeze, stop or cut off its processes one by one.

    The mesh is made of real processes in front of stand-ins for the engines, each behind a TCP proxy. For each victim
    and fault, conversations are brought into every phase, and all are hit at once. Afterwards each asks one more
    question. The matrix shows the longest silence beyond the usual, or which promise was broken. docs/reliability.md
    lists the promises.
    """
    if rolling is not None:
        # As long as by default: conversations move at a pause.
        plan = MeshPlan(
            replicas=max(replicas, 2), restart_s=restart_s, drain_limit_s=ServiceSettings().drain_limit_s, links=False
        )
        held = asyncio.run(_roll(plan, rolling, logs))
        if json_file is not None:
            rows = [{"turns": each.turns, **matrix.outcome_as_json(each.outcome, each.journal)} for each in held]
            json_file.write_bytes(msgspec.json.encode(rows))
        _show_roll(held)
        return
    wanted = [(Victim(victim), Fault(fault)) for victim in victims or Victim for fault in faults or _USUAL_FAULTS]
    course = _Course(
        mesh=MeshPlan(replicas=replicas, models=models, restart_s=restart_s),
        strikes=StrikePlan([*(phases or PHASES)], each, held_s, seed),
        wanted=wanted * rounds,
        again=again,
        logs=logs,
    )
    strikes: list[Strike] = []
    try:
        asyncio.run(_run(course, strikes))
    finally:
        if strikes:
            console().print(matrix.table(strikes))
        if markdown is not None:
            markdown.write_text(matrix.markdown(strikes), encoding="utf-8")
        if json_file is not None:
            json_file.write_bytes(msgspec.json.encode(matrix.as_json(strikes)))
    if not matrix.is_green(strikes):
        raise PromisesBroken("a promise was broken; --json FILE keeps what was observed, --logs FOLDER the logs")


class _Course(NamedTuple):
    """What is to be done."""

    mesh: MeshPlan
    strikes: StrikePlan
    wanted: Sequence[tuple[Victim, Fault]]
    again: int
    logs: Path | None


async def _run(course: _Course, strikes: list[Strike]) -> None:
    """Add the strikes that are made to `strikes`."""
    click.echo("starting the mesh…", err=True)
    async with running_mesh(course.mesh) as mesh:
        striker = Striker(mesh, course.strikes)
        # The first conversation on a mesh is slower than all others.
        await striker.warm_up()
        try:
            for victim, fault in course.wanted:
                for attempt in range(course.again + 1):
                    struck = await striker.strike(victim, fault)
                    _show(struck)
                    if matrix.is_green([struck]) or attempt == course.again:
                        break
                strikes.append(struck)
        finally:
            if course.logs is not None:
                mesh.keep_logs(course.logs)


async def _roll(plan: MeshPlan, people: int, logs: Path | None) -> list[Held]:
    """Restart every process under conversations."""
    click.echo("starting the mesh…", err=True)
    async with running_mesh(plan) as mesh:
        striker = Striker(mesh, StrikePlan())
        await striker.warm_up()
        try:
            return await restart_all(mesh, people, striker.usual_wait_s, lambda name: click.echo(f"{name}: restarted"))
        finally:
            if logs is not None:
                mesh.keep_logs(logs)


def _show_roll(held: Sequence[Held]) -> None:
    """Say what was noticed of a rolling restart. Raises `PromisesBroken`."""
    noticed = [each for each in held if not each.outcome.kept]
    click.echo(
        f"{len(held)} conversations, {sum(each.turns for each in held)} turns: {len(noticed)} noticed something; "
        f"longest silence beyond the usual: {max(0.0, *(each.outcome.silence_s for each in held)):.1f} s"
    )
    for each in noticed:
        click.echo(f"  {'; '.join(each.outcome.faults)}")
    if noticed:
        raise PromisesBroken("a conversation noticed the restart; --json FILE keeps what was observed")


def _show(strike: Strike) -> None:
    click.echo(
        f"{strike.member}: {strike.fault} (usual wait {strike.usual_wait_s:.2f} s, own lag {strike.lag_s:.2f} s)"
    )
    for each in strike.conversations:
        # It may have been late, or early, for its phase.
        where = f" ({each.seen})" if each.seen != each.phase else ""
        warned = "".join(f"  {reason}" for reason in dict.fromkeys(each.outcome.warnings))
        click.echo(f"  {each.phase}{where}: {matrix.written([each])}{warned}")
