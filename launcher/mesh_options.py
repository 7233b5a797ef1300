"""The options that say which mesh is meant, shared by those commands that know of a whole one."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeVar

import click

from launcher.language_model import LOCAL_SERVERS

F = TypeVar("F", bound=Callable[..., Any])


class MeshOptions(NamedTuple):
    """What was said of the mesh. `llm` is an address, "auto" or None."""

    port: int | None
    port_offset: int
    llm: str | None


def mesh_options(command: F) -> F:
    """Give a command the options `port`, `port_offset` and `llm`."""
    for option in (_LLM, _PORT_OFFSET, _PORT):
        command = option(command)
    return command


def _an_address_or_auto(_: click.Context, __: click.Parameter, wish: str | None) -> str | None:
    if wish not in {None, "auto"} and not str(wish).startswith(("http://", "https://")):
        raise click.BadParameter(f"{wish} is neither an http:// address nor auto; did you mean http://{wish}?")
    return wish


_PORT = click.option(
    "--port", type=click.IntRange(1, 65_535), help="The edge's port.  [default: PARLEY_EDGE_PORT or 8000]"
)

_PORT_OFFSET = click.option(
    "--port-offset",
    type=click.IntRange(0, 10_000),
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
