"""One sub-command for each process, as production starts them."""

import click
import msgspec

from launcher.command import Command
from launcher.configuration.inventory import written
from launcher.failure import ExitCode
from launcher.processes import Process
from mesh.settings import SettingDescription, describe


class ServiceCommand(Command):
    """Runs one process. Its help lists the process's settings."""

    def __init__(self, process: Process) -> None:
        port = next(each for each in describe(process.settings_type) if each.name == "port")
        super().__init__(
            process.name,
            callback=process.run,
            help=f"{process.purpose} Runs until SIGTERM or Ctrl-C.",
            short_help=process.purpose,
            examples=[
                (f"parley {process.name}", f"on port {port.default}"),
                (
                    f"{port.env[0]}={port.default + 10} PARLEY_LOG_FORMAT=json parley {process.name}",
                    "another, elsewhere",
                ),
                (f"parley config {process.name} --changed", "what the environment makes of its settings"),
            ],
            exit_codes={
                ExitCode.DONE: "ended by SIGTERM or Ctrl-C",
                ExitCode.FAILED: "a setting does not fit, the port is taken, or the engine cannot be started",
                ExitCode.USAGE: ExitCode.USAGE.meaning,
                ExitCode.MISSING_PACKAGES: ExitCode.MISSING_PACKAGES.meaning,
            },
        )
        self._process = process

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the settings after the options."""
        with formatter.section("Settings, from the environment"):
            formatter.write_dl([(setting.env[0], _meaning(setting)) for setting in self._process.own_settings()])
        super().format_epilog(ctx, formatter)


def _meaning(setting: SettingDescription) -> str:
    if setting.default is msgspec.NODEFAULT:
        return f"{setting.help}  [required]"
    default = written(setting.default, setting)
    return setting.help if default is None else f"{setting.help}  [default: {default}]"
