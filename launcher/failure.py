"""What a command ends with when it cannot do what it was asked."""

from typing import IO, Any

import click

from launcher.exit_codes import ExitCode


class Failure(click.ClickException):
    """Printed to standard error; its message says the next step where there is one. The exit code is `exit_code`."""

    exit_code = ExitCode.FAILED


class MissingPackages(Failure):
    """Something is to run whose packages are not installed; the message says how to install them."""

    exit_code = ExitCode.MISSING_PACKAGES


class Interrupted(Failure):
    """A person has pressed Ctrl-C, and knows it."""

    exit_code = ExitCode.INTERRUPTED

    def __init__(self) -> None:
        super().__init__("interrupted")

    def show(self, file: IO[Any] | None = None) -> None:
        """End the line that the terminal's ^C is on, and no more."""
        click.echo(file=file, err=True)
