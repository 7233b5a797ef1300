"""Options that the callers share."""

from pathlib import Path

import click

DEFAULT_URL = "ws://127.0.0.1:8000"
DEFAULT_TARGET = "127.0.0.1:50051"

out = click.option(
    "--out",
    type=click.Path(dir_okay=False, writable=True, path_type=Path),
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
