"""One sub-command for each process, as production starts them."""

import click
import msgspec

from launcher.failure import Failure
from launcher.processes import PROCESSES, Process
from mesh.settings import SettingDescription, SettingError, describe


class ServiceCommand(click.Command):
    """Runs one process. Its help lists the process's settings."""

    def __init__(self, process: Process) -> None:
        super().__init__(process.name, callback=self._run, help=f"{process.purpose} Runs until SIGTERM or Ctrl-C.")
        self._process = process

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the settings after the options."""
        del ctx
        with formatter.section("Settings, from the environment"):
            formatter.write_dl(
                [(setting.env[0], _meaning(setting)) for setting in describe(self._process.settings_type)]
            )

    def _run(self) -> None:
        try:
            self._process.run()
        except SettingError as error:
            raise Failure(f"{error}\nEvery setting is listed by: parley {self._process.name} --help") from None


SERVICE_COMMANDS = tuple(ServiceCommand(process) for process in PROCESSES)
"""`parley edge`, `parley orchestrator`, …"""


def _meaning(setting: SettingDescription) -> str:
    if setting.default is msgspec.NODEFAULT:
        return f"{setting.help}  [required]"
    default = "" if setting.default in (None, "") else f"  [default: {setting.default}]"
    return f"{setting.help}{default}"
