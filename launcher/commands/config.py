"""`parley config`: every setting of every process."""

import os
from collections.abc import Callable, Iterable

import click

from launcher import options
from launcher.command import Command
from launcher.configuration.formats import as_env, as_json, as_markdown, show
from launcher.configuration.inventory import Entry, inventory, unknown_variables
from launcher.console import console
from launcher.failure import ExitCode, Failure
from launcher.processes import PROCESSES

_FORMATS: dict[str, Callable[[Iterable[Entry]], str]] = {"json": as_json, "markdown": as_markdown, "env": as_env}


@click.command(
    cls=Command,
    examples=[
        ("parley config", "everything"),
        ("parley config --changed", "only what differs from its default"),
        ("parley config orchestrator", "one process"),
        ("parley config --format env > .env", "a file for `parley up --env-file .env` and for Compose"),
    ],
    exit_codes={
        ExitCode.FAILED: "variables do not fit; every one is named, with what was expected",
        ExitCode.USAGE: ExitCode.USAGE.meaning,
    },
)
@click.argument("processes", nargs=-1, metavar="[PROCESS]...", type=click.Choice([each.name for each in PROCESSES]))
@options.env_file
@click.option("--changed", is_flag=True, help="Show only what differs from its default.")
@click.option(
    "--format",
    "chosen",
    type=click.Choice(["text", *_FORMATS]),
    default="text",
    show_default=True,
    help="For people, programs, documentation, or as a commented .env file.",
)
def config(processes: tuple[str, ...], *, changed: bool, chosen: str) -> None:
    """Show every setting: its variable, value, default, what it accepts and what it means.

    With PROCESS, shows the settings of that process only. Values come from the environment of this command and from
    --env-file. Secrets are not shown. Variables that look like a misspelt setting are listed at the end.
    """
    wanted = [process for process in PROCESSES if not processes or process.name in processes]
    entries = inventory(os.environ, wanted)
    listed = [entry for entry in entries if entry.changed or not changed]
    if chosen != "text":
        click.echo(_FORMATS[chosen](listed))
    elif listed:
        show(listed, console())
    else:
        click.echo("Every setting has its default.")
    for note in dict.fromkeys(entry.reading.renamed for entry in entries if entry.reading.renamed):
        click.echo(f"Note: {note}", err=True)
    for variable in unknown_variables(os.environ):
        click.echo(f"Note: {variable}", err=True)
    if faults := [entry.reading.fault for entry in entries if entry.reading.fault]:
        raise Failure("\n       ".join(faults))
