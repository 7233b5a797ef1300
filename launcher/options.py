"""Options that the callers share."""

from pathlib import Path

import click

DEFAULT_URL = "ws://127.0.0.1:8000"
DEFAULT_TARGET = "127.0.0.1:50051"


def _in_a_folder_that_exists(_: click.Context, __: click.Parameter, path: Path | None) -> Path | None:
    """Refuse before the call what could not be written after it."""
    if path is not None and not path.parent.is_dir():
        raise click.BadParameter(f"there is no folder {path.parent}")
    return path


out = click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
    callback=_in_a_folder_that_exists,
    metavar="REPLY.wav",
    help="Keep the reply's speech in this file, 16 bits at 24 kHz.",
)

timeout = click.option(
    "--timeout",
    "timeout_s",
    type=click.FloatRange(min=0.1),
    default=30.0,
    metavar="SECONDS",
    show_default=True,
    help="How long to listen, from the end of the question.",
)
