"""Options that several commands share: which mesh is meant, and how to call one."""

import os
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple, TypeVar

import click

from launcher.running.language_model import LOCAL_SERVERS
from mesh.settings.renamed import old_names
from mesh.text.masking import masked
from orchestrator.llm.address import checked_url

F = TypeVar("F", bound=Callable[..., Any])


class MeshOptions(NamedTuple):
    """What was said of the mesh. `llm` is an address, "auto" or None."""

    port: int | None
    port_offset: int
    llm: str | None


def mesh_options(command: F) -> F:
    """Give a command the options `port`, `port_offset` and `llm`, and --env-file."""
    for option in (env_file, _LLM, _PORT_OFFSET, _PORT):
        command = option(command)
    return command


def _an_address_or_auto(_: click.Context, __: click.Parameter, wish: str | None) -> str | None:
    if wish is None or wish == "auto":
        return wish
    try:
        return checked_url(wish)
    except ValueError as error:
        raise click.BadParameter(f"{masked(wish)} is neither an http:// address nor auto: {error}") from None


def _load_env_file(_: click.Context, __: click.Parameter, path: Path | None) -> None:
    """Set the variables of a file; a variable that is set already stays as it is."""
    if path is None:
        return
    # Here, because most commands never read such a file.
    from dotenv import dotenv_values  # noqa: PLC0415

    # Values are taken as they stand: a key may contain "$".
    for name, value in dotenv_values(path, interpolate=False).items():
        # The environment has priority under an old name, too.
        if not any(old in os.environ for old in old_names(name)):
            os.environ.setdefault(name, value or "")


env_file = click.option(
    "--env-file",
    type=click.Path(exists=True, dir_okay=False, readable=True, path_type=Path),
    callback=_load_env_file,
    expose_value=False,
    is_eager=True,
    metavar="FILE",
    help="Read settings from this file of NAME=value lines. Variables that are set already have priority.",
)

_PORT = click.option(
    "--port", type=click.IntRange(1, 65_535), help="The edge's port.  [default: PARLEY_EDGE_PORT or 8000]"
)

_PORT_OFFSET = click.option(
    "--port-offset",
    type=click.IntRange(0, 15_000),
    default=0,
    metavar="N",
    help="Add N to every other port, to run a second mesh beside the first (10, 20, …).",
)

_LLM = click.option(
    "--llm",
    metavar="URL|auto",
    callback=_an_address_or_auto,
    help="The OpenAI-compatible server that writes the replies; auto: the first found on this machine of "
    + ", ".join(server.program for server in LOCAL_SERVERS)
    + ".  [default: KYUTAI_LLM_URL or the built-in responder]",
)


def _in_a_folder_that_exists(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    """Refuse before the call what could not be written after it."""
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}")
    return path


def written_file(*names: str, help: str, metavar: str = "FILE") -> Callable[[F], F]:  # noqa: A002 - as click calls it
    """An option that names a file to write, in a folder that exists."""
    return click.option(
        *names,
        type=click.Path(dir_okay=False, writable=True, path_type=Path),
        callback=_in_a_folder_that_exists,
        metavar=metavar,
        help=help,
    )


out = written_file("--out", help="Keep the reply's speech in this file, 16 bits at 24 kHz.", metavar="REPLY.wav")

timeout = click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0.1),
    default=30.0,
    metavar="SECONDS",
    show_default=True,
    help="How long to listen, from the end of the question.",
)

voice = click.option(
    "--voice", metavar="ID", help="The voice of the replies: an id from GET /v1/voices.  [default: the engine's own]"
)

prompt = click.option(
    "--prompt", metavar="TEXT", help="The whole system prompt.  [default: the character that the page starts with]"
)
