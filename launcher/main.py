"""The `parley` command."""

from functools import partial
from pkgutil import resolve_name

import click

from launcher.command import Commands
from launcher.processes import PROCESSES
from mesh.process import logs


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110},
    examples=[
        ("parley doctor", "is this machine ready?"),
        ("parley up", "run everything"),
        ('parley say "What time is it?"', "in another terminal: type a question, print the answer"),
    ],
)
@click.version_option(package_name="parley")
def main() -> None:
    """Let any text LLM listen and speak.

    `parley up` runs the whole mesh on this machine; `parley call` and `parley say` talk to it. `parley COMMAND --help`
    describes a command, with examples.
    """
    # Processes set up a log of their own; callers and the launcher speak for themselves unless something is wrong.
    logs.configure("parley", level="warning")


def _add(title: str, *names: str) -> None:
    """Add commands, each called like its module. Only the one that is run is imported: health checks are frequent."""
    modules = {name: name.replace("-", "_") for name in names}
    made = {name: partial(resolve_name, f"launcher.commands.{module}:{module}") for name, module in modules.items()}
    main.add_section(title, made)


_add("Run", "up")
_add("Try", "call", "say", "load", "fake-engines", "chaos", "soak")
_add("Look", "doctor", "health", "config", "recording", "models", "completion")
main.add_section(
    "Single processes, for production",
    {process.name: partial(resolve_name("launcher.commands.service:ServiceCommand"), process) for process in PROCESSES},
)
