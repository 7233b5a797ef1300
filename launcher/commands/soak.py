"""`parley soak`: talks to a mesh of its own for a long time, and checks that nothing in it grows."""

import asyncio
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import click
import msgspec
from rich.table import Table

from chaos.growth import FEWEST_ROUNDS, Growth
from chaos.mesh import MeshPlan, running_mesh
from chaos.soak import Soak, SoakPlan, SoakResult
from launcher import options
from launcher.command import Command
from launcher.console import console
from launcher.failure import ExitCode, Failure

_ROUND_S = 60.0
_STORM_ROUNDS = 10


class Grows(Failure):
    """Something grows, or processes ended."""


@click.command(
    cls=Command,
    examples=[
        ("parley soak --minutes 60", "an hour of conversations"),
        ("parley soak --storm 10000", "ten thousand sessions that are opened and dropped"),
    ],
    exit_codes={
        ExitCode.DONE: "nothing grows",
        ExitCode.FAILED: "something grows, a process has ended, or the mesh did not start",
        ExitCode.USAGE: ExitCode.USAGE.meaning,
        ExitCode.INTERRUPTED: ExitCode.INTERRUPTED.meaning,
    },
)
@click.option(
    "--minutes",
    type=click.FloatRange(min=0.5),
    default=10.0,
    show_default=True,
    help="How long people talk, without the pauses in which is measured.",
)
@click.option(
    "--storm", type=click.IntRange(min=100), metavar="SESSIONS", help="Open and drop so many sessions instead."
)
@click.option("--callers", type=click.IntRange(1, 60), default=8, show_default=True, help="Sessions at once.")
@click.option(
    "--barge-in", type=click.FloatRange(0, 1), default=0.3, show_default=True, help="Share of replies spoken over."
)
@click.option(
    "--drop",
    type=click.FloatRange(0, 1),
    default=0.2,
    show_default=True,
    help="Share of turns in which a caller is lost.",
)
@click.option("--replicas", type=click.IntRange(1, 4), default=1, show_default=True, help="Of each process.")
@click.option("--seed", type=int, default=0, help="Have callers do the same again.")
@click.option(
    "--logs", type=click.Path(file_okay=False, path_type=Path), metavar="FOLDER", help="Keep the processes' logs here."
)
@options.written_file("--json", "json_file", help="Write the figures into this file.")
def soak(
    *,
    minutes: float,
    storm: int | None,
    callers: int,
    barge_in: float,
    drop: float,
    replicas: int,
    seed: int,
    logs: Path | None,
    json_file: Path | None,
) -> None:
    """Hold conversations in rounds on a mesh of this command's own. After each round nobody talks, and all is measured.

    Callers interrupt replies, and leave in the middle without a word. Memory, file descriptors, sockets, threads and
    asyncio tasks of every process, and the engines' slots, must not grow from round to round.
    """
    rounds = _STORM_ROUNDS if storm is not None else max(FEWEST_ROUNDS, round(minutes))
    plan = SoakPlan(
        rounds=rounds,
        round_s=_ROUND_S * minutes / rounds,
        callers=callers,
        storm_sessions=None if storm is None else storm // rounds,
        barge_in=barge_in,
        drop=drop,
        seed=seed,
    )
    result = asyncio.run(_run(MeshPlan(replicas=replicas, first_token_s=0.2, tokens_per_s=50), plan, logs))
    console().print(_table(result.growths))
    click.echo(_counted(result.counts))
    if json_file is not None:
        shown = {
            "counts": result.counts,
            "growth": [{**each._asdict(), "flat": each.is_flat} for each in result.growths],
        }
        json_file.write_bytes(msgspec.json.format(msgspec.json.encode(shown)))
    if not result.is_flat:
        grown = ", ".join(f"{each.measure} of {each.process}" for each in result.growths if not each.is_flat)
        raise Grows(f"grows: {grown}")
    if ended := result.counts["processes that ended"]:
        raise Grows(f"processes have ended {ended} times")


async def _run(mesh_plan: MeshPlan, plan: SoakPlan, logs: Path | None) -> SoakResult:
    click.echo("starting the mesh…", err=True)
    async with running_mesh(mesh_plan) as mesh:
        try:
            return await Soak(mesh, plan, _show_round(plan.rounds)).run()
        finally:
            if logs is not None:
                mesh.keep_logs(logs)


def _show_round(rounds: int) -> Callable[[int, Counter[str]], None]:
    def show(number: int, counts: Counter[str]) -> None:
        click.echo(f"round {number} of {rounds}: {_counted(counts)}", err=True)

    return show


def _counted(counts: Counter[str]) -> str:
    return ", ".join(f"{count} {name}" for name, count in counts.items() if count)


def _table(growths: Iterable[Growth]) -> Table:
    table = Table("process", "measure", "first", "last", "trend", "allowed", "")
    for each in growths:
        figures = (f"{value:.1f}" for value in (each.first, each.last, each.trend, each.allowed))
        table.add_row(each.process, each.measure, *figures, "flat" if each.is_flat else "GROWS")
    return table
