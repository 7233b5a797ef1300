"""`parley up`: the whole mesh on this machine, as one command with one log."""

import asyncio
import os

import click

from launcher.checks.check import Context, findings_of
from launcher.command import Command, typed
from launcher.configuration.inventory import inventory, unknown_variables
from launcher.console import console
from launcher.engines import chosen
from launcher.failure import ExitCode, Failure
from launcher.options import MeshOptions, mesh_options
from launcher.processes import EDGE, Process
from launcher.running.language_model import choose
from launcher.running.output import PrefixedLog, Progress, banner
from launcher.running.plan import DRAIN_LIMIT_S, REPLICATED, Plan, plan
from launcher.running.ports import PortUnusable, check_free
from launcher.running.probes import http_json, is_running
from launcher.running.supervise import Limits, StartFailed, Supervisor
from mesh.engines.findings import State
from mesh.process.platform import can_share_ports
from mesh.process.ports import authority
from mesh.process.signals import StopRequests, stop_requests
from mesh.settings import load
from mesh.tasks import beside

# What a process gets, on top of its drain limit, to end by itself. The edge needs 7 s of them, a gRPC server 5 s.
_STOP_MARGIN_S = 10.0

# How long a ready mesh waits, before it says so, for what the language model answers.
_LLM_CHECK_S = 5.0


_MOST_REPLICAS = 64


def _counts(_: click.Context, __: click.Parameter, given: str | None) -> dict[Process, int]:
    """How many there are to be of each kind, from "edge=2,orchestrator=3"."""
    by_name = {process.name: process for process in REPLICATED}
    counts: dict[Process, int] = {}
    for each in (given or "").split(","):
        if not each.strip():
            continue
        name, _equals, count = each.strip().partition("=")
        process = by_name.get(name.strip().replace("_", "-"))
        if process is None:
            raise click.BadParameter(f"there can be several of {', '.join(by_name)}, not of {name!r}")
        if not count.strip().isdecimal() or not 1 <= int(count) <= _MOST_REPLICAS:
            raise click.BadParameter(f"{each.strip()!r}: expected a number from 1 to {_MOST_REPLICAS}")
        counts[process] = int(count)
    if counts.get(EDGE, 1) > 1 and not can_share_ports():
        raise click.BadParameter(
            "several edges cannot share a port on this system: it would give every connection to one of them. Run"
            " meshes with --port of their own behind a proxy, or only several of the other kinds"
        )
    return counts


@click.command(
    cls=Command,
    examples=[
        ("parley up", "everything, with the built-in responder"),
        ("parley up --llm auto", "with whichever usual language model answers on this machine"),
        ("KYUTAI_LLM_API_KEY=… parley up --llm https://openrouter.ai/api", "with one elsewhere"),
        ("parley up --port 8001 --port-offset 10", "a second mesh beside the first"),
        ("parley up --env-file .env", "with the settings of a file; `parley config --format env` writes one"),
        ("PARLEY_LOG_LEVEL=warning parley up", "quietly"),
        ("parley up --replicas edge=2,orchestrator=2", "more conversations than one process of a kind can hold"),
    ],
    exit_codes={
        ExitCode.DONE: "ended by Ctrl-C or SIGTERM",
        ExitCode.FAILED: "could not start: a port is taken, a setting is wrong, or a process keeps ending",
        ExitCode.USAGE: ExitCode.USAGE.meaning,
        ExitCode.MISSING_PACKAGES: ExitCode.MISSING_PACKAGES.meaning,
        ExitCode.INTERRUPTED: "Ctrl-C before anything was started",
    },
)
@mesh_options
@click.option(
    "--replicas",
    callback=_counts,
    metavar="PROCESS=N,…",
    help=f"Run several of a kind: {', '.join(each.name for each in REPLICATED)}. Each uses one processor at most. "
    "Edges share their port.",
)
@click.option(
    "--drain-limit",
    type=click.FloatRange(0, 3_600),
    metavar="SECONDS",
    help="How long conversations may go on after Ctrl-C. A second Ctrl-C ends them.  "
    f"[default: PARLEY_*_DRAIN_LIMIT_S, or {DRAIN_LIMIT_S:g}]",
)
@click.option(
    "--ready-within",
    type=click.FloatRange(min=1),
    metavar="SECONDS",
    help="How long the start may take.  [default: as long as it makes progress within each minute]",
)
def up(
    *,
    port: int | None,
    port_offset: int,
    llm: str | None,
    replicas: dict[Process, int],
    drain_limit: float | None,
    ready_within: float | None,
) -> None:
    """Run the whole mesh on this machine.

    Starts every process, watches it, and starts it again if it dies. Prints their logs as one. Settings come from the
    environment (see `parley config`) and from --env-file. Ctrl-C stops everything. If the mesh does not start,
    `parley doctor` says why.
    """
    for variable in unknown_variables(os.environ):
        click.echo(f"Note: {variable}", err=True)
    if faults := [entry.reading.fault for entry in inventory(os.environ) if entry.reading.fault]:
        raise Failure("\n       ".join([*faults, "Every setting is listed by: parley config"]))
    for group, choice in chosen(os.environ):
        click.echo(choice.line(group.what), err=True)
    asyncio.run(_up(MeshOptions(port, port_offset, llm), replicas, drain_limit, ready_within))


async def _up(
    options: MeshOptions, replicas: dict[Process, int], drain_limit_s: float | None, ready_within_s: float | None
) -> None:
    edge_port = load(EDGE.settings_type, os.environ, port=options.port).port
    model = await choose(options.llm, os.environ, edge_port)
    if options.llm == "auto" and model is None:
        click.echo("No language model was found on this machine; the built-in responder takes its place.", err=True)
    planned = plan(
        os.environ,
        edge_port=edge_port,
        port_offset=options.port_offset,
        drain_limit_s=drain_limit_s,
        llm=model,
        replicas=replicas,
    )
    await _check_free(planned)
    log = PrefixedLog(child.name for child in planned.children)
    progress = Progress((child.name for child in planned.children), console())
    limits = Limits(ready_within_s=ready_within_s, stop_within_s=planned.drain_limit_s + _STOP_MARGIN_S)
    supervisor = Supervisor(planned.children, log, limits, progress.note)
    log.on_closed = supervisor.stop
    try:
        with stop_requests() as requests, progress:
            if progress.shown:
                log.echo = progress.print_line
            async with beside(
                _stop(supervisor, requests, log, progress, planned.drain_limit_s),
                _announce(supervisor, planned, log, progress),
            ):
                await supervisor.run()
    except StartFailed as failed:
        raise Failure(_explained(failed, log)) from None


async def _check_free(planned: Plan) -> None:
    """Raise `Failure` when the mesh cannot have its ports; it may be because one runs already."""
    try:
        await asyncio.to_thread(check_free, planned.ports)
    except PortUnusable:
        if not await is_running(planned.edge):
            raise
        raise Failure(
            f'Parley is already running at http://{authority(*planned.edge)}. Talk to it: {typed()} say "Hello".'
            f" Run a second one beside it: {typed()} up --port 8001 --port-offset 10"
        ) from None


def _explained(failed: StartFailed, log: PrefixedLog) -> str:
    """The failure, with what a person would scroll back for, and the next step last."""
    lines = [f"the mesh could not start: {failed}"]
    for name in failed.names:
        lines += ["", f"The last lines of {name}:", *(f"  {line}" for line in log.last_lines(name))]
    return "\n".join([*lines, "", f"What to do next: {typed()} doctor says what is wrong on this machine."])


async def _stop(
    supervisor: Supervisor, requests: StopRequests, log: PrefixedLog, progress: Progress, drain_limit_s: float
) -> None:
    """Pass on the first signal, and the second."""
    await requests.stop.wait()
    _hide(progress, log)
    going_on = f"; conversations may go on for {drain_limit_s:g} s, Ctrl-C again ends them at once"
    log("parley", f"ending{going_on if supervisor.ready.is_set() else ''}")
    supervisor.stop()
    await requests.at_once.wait()
    supervisor.stop()


async def _announce(supervisor: Supervisor, planned: Plan, log: PrefixedLog, progress: Progress) -> None:
    """Print the banner once the mesh is ready."""
    checking = asyncio.create_task(_llm_problems(planned))
    try:
        await supervisor.ready.wait()
        await asyncio.wait([checking], timeout=_LLM_CHECK_S)
        health = await http_json(planned.edge.host, planned.edge.port, "/v1/health")
        problems = checking.result() if checking.done() else []
    finally:
        checking.cancel()
    _hide(progress, log)
    llm_answers = isinstance(health, dict) and health.get("llm_up") is True
    click.echo(banner(planned, llm_answers=llm_answers, llm_problems=problems))


async def _llm_problems(planned: Plan) -> list[str]:
    """What is wrong with the language model, each with its remedy."""
    if planned.llm is None:
        return []
    # Here, because it loads the client of language models, for which a mesh with the built-in responder need not wait.
    from launcher.checks.language_model import language_model  # noqa: PLC0415

    context = Context(os.environ, os.environ, planned, planned.llm, running=False)
    findings = await findings_of(language_model, context)
    return [f"{each.about}: {each.found}; {each.remedy}" for each in findings if each.state is State.WRONG]


def _hide(progress: Progress, log: PrefixedLog) -> None:
    progress.done()
    log.echo = click.echo
