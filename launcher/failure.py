"""How a command fails: the exit codes of all commands, and the errors that end one."""

from enum import IntEnum
from typing import IO, Any, Self

import click


class ExitCode(IntEnum):
    """The exit code of a command."""

    meaning: str
    """In general; the help of a command says what it means there."""

    def __new__(cls, code: int, meaning: str) -> Self:
        """A member, its number and its meaning."""
        member = int.__new__(cls, code)
        member._value_ = code
        member.meaning = meaning
        return member

    DONE = 0, "it did what it was asked"
    FAILED = 1, "it could not; the last lines say why, and what to do next"
    USAGE = 2, "wrong usage, or a file that cannot be used"
    NO_REPLY = 3, "the mesh was reached, but no reply came in time"
    MISSING_PACKAGES = 78, "packages are not installed, so trying again will not help"  # EX_CONFIG of sysexits.h
    INTERRUPTED = 130, "Ctrl-C"  # as shells say it: 128, and the signal's number


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
