"""`parley up`: the whole mesh on this machine, as one command with one log."""

import asyncio
import os

import click

from launcher.banner import banner
from launcher.failure import Failure
from launcher.language_model import LOCAL_SERVERS, choose
from launcher.log import PrefixedLog
from launcher.plan import Plan, plan
from launcher.ports import check_free
from launcher.probes import http_json
from launcher.processes import EDGE
from launcher.supervise import Limits, Supervisor
from mesh.settings import SettingError, load
from mesh.signals import StopRequests, stop_requests
from mesh.tasks import beside

# What the processes get, on top of the drain limits of the edge and the orchestrator, to end by themselves.
_STOP_MARGIN_S = 10.0


def _an_address_or_auto(_: click.Context, __: click.Parameter, wish: str | None) -> str | None:
    if wish not in {None, "auto"} and not str(wish).startswith(("http://", "https://")):
        raise click.BadParameter(f"{wish} is neither an http:// address nor auto")
    return wish


@click.command()
@click.option("--port", type=click.IntRange(1, 65_535), help="The edge's port.  [default: PARLEY_EDGE_PORT or 8000]")
@click.option(
    "--port-offset",
    type=click.IntRange(0, 10_000),
    default=0,
    metavar="N",
    help="Add N to every other port, to run a second mesh beside the first (10, 20, …).",
)
@click.option(
    "--llm",
    metavar="URL|auto",
    callback=_an_address_or_auto,
    help="The OpenAI-compatible server that writes the replies; auto: the first found on this machine of "
    + ", ".join(server.program for server in LOCAL_SERVERS)
    + ".  [default: KYUTAI_LLM_URL or the built-in responder]",
)
@click.option(
    "--drain-limit",
    type=click.FloatRange(0, 3_600),
    default=5.0,
    metavar="SECONDS",
    show_default=True,
    help="How long conversations may go on after Ctrl-C. A second Ctrl-C ends them at once.",
)
@click.option(
    "--ready-within",
    type=click.FloatRange(min=1),
    default=60.0,
    metavar="SECONDS",
    show_default=True,
    help="How long the start may take.",
)
def up(port: int | None, port_offset: int, llm: str | None, drain_limit: float, ready_within: float) -> None:
    """Run the whole mesh on this machine.

    Every process is started, watched and, should it die, started again; their logs are printed as one. Settings are
    taken from the environment (see `parley config`). Ctrl-C ends everything.

    \b
    Exit codes: 0  ended by Ctrl-C or SIGTERM
                1  could not start: a port is taken, a setting is wrong, or a process keeps ending
                2  wrong usage
    """  # noqa: D301 - \b is click's
    try:
        asyncio.run(_up(port, port_offset, llm, drain_limit, ready_within))
    except SettingError as error:
        raise Failure(str(error)) from None


async def _up(port: int | None, port_offset: int, llm: str | None, drain_limit_s: float, ready_within_s: float) -> None:
    edge_port = load(EDGE.settings_type, os.environ, port=port).port
    model = await choose(llm, os.environ, edge_port)
    if llm == "auto" and model is None:
        click.echo("No language model was found on this machine; the built-in responder takes its place.", err=True)
    planned = plan(os.environ, edge_port=edge_port, port_offset=port_offset, drain_limit_s=drain_limit_s, llm=model)
    check_free(planned.ports)
    log = PrefixedLog(child.name for child in planned.children)
    supervisor = Supervisor(
        planned.children, log, Limits(ready_within_s=ready_within_s, stop_within_s=2 * drain_limit_s + _STOP_MARGIN_S)
    )
    log.on_closed = supervisor.stop
    with stop_requests() as requests:
        async with beside(_stop(supervisor, requests, log, drain_limit_s), _announce(supervisor, planned)):
            await supervisor.run()


async def _stop(supervisor: Supervisor, requests: StopRequests, log: PrefixedLog, drain_limit_s: float) -> None:
    """Pass on the first signal, and the second."""
    await requests.stop.wait()
    log("parley", f"ending; conversations may go on for {drain_limit_s:g} s, Ctrl-C again ends them at once")
    supervisor.stop()
    await requests.at_once.wait()
    supervisor.stop()


async def _announce(supervisor: Supervisor, planned: Plan) -> None:
    """Tell a person once the mesh is ready."""
    await supervisor.ready.wait()
    health = await http_json(planned.edge.host, planned.edge.port, "/v1/health")
    click.echo(banner(planned, llm_answers=isinstance(health, dict) and health.get("llm_up") is True))
