"""`parley config`: every setting of every process."""

import os
from collections.abc import Mapping
from typing import Any

import click
import msgspec

from launcher.failure import Failure
from launcher.processes import PROCESSES, Process
from mesh.settings import SettingDescription, SettingError, describe, load


@click.command()
def config() -> None:
    """Show every setting of every process: its variable, its default, its present value and what it means.

    The present value is the one the environment of this command gives it. Secrets are not shown.

    \b
    Exit codes: 0  every setting fits
                1  a variable does not fit; it is named
    """  # noqa: D301 - \b is click's
    try:
        for process in PROCESSES:
            click.echo(click.style(process.name, bold=True))
            click.echo(_listing(process, os.environ))
    except SettingError as error:
        raise Failure(str(error)) from None


def _listing(process: Process, environ: Mapping[str, str]) -> str:
    present = load(process.settings_type, environ)
    lines = []
    for setting in describe(process.settings_type):
        value, default = _shown(getattr(present, setting.name), setting), _shown(setting.default, setting)
        lines += [
            f"  {' or '.join(setting.env)} = {value}" + ("" if value == default else f"  (default: {default})"),
            f"      {setting.help}",
        ]
    return "\n".join((*lines, ""))


def _shown(value: Any, setting: SettingDescription) -> str:
    if value is None or value is msgspec.NODEFAULT or value == "":
        return "-"
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return "***" if setting.secret else str(value)
