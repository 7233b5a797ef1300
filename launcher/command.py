"""What all commands have in common: help that teaches, an order in the list of commands, and a quiet Ctrl-C."""

import os
import shutil
import sys
from collections.abc import Callable, Mapping, Sequence
from typing import Any, NamedTuple

import click

from launcher.failure import ExitCode, Interrupted

NAME = "parley"
"""What the command is called in help texts and examples."""


def typed() -> str:
    """How to run this command again: its name if the PATH finds this one, else the path by which it was started."""
    started_by = sys.argv[0]
    if os.path.basename(started_by) != NAME:  # noqa: PTH119 - a path that need not exist, "-c" for example
        return NAME
    found = shutil.which(NAME)
    return NAME if found and os.path.realpath(found) == os.path.realpath(started_by) else started_by


class Example(NamedTuple):
    """A line that works as it stands, and what it is good for."""

    line: str
    what: str


class Command(click.Command):
    """A command whose help ends with examples and with its exit codes."""

    def __init__(
        self,
        *args: Any,
        examples: Sequence[tuple[str, str]] = (),
        exit_codes: Mapping[ExitCode, str] | None = None,
        **kwargs: Any,
    ) -> None:
        super().__init__(*args, **kwargs)
        self.examples = [Example(*each) for each in examples]
        self.exit_codes = {ExitCode.DONE: ExitCode.DONE.meaning, **(exit_codes or {})}

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write what comes after the options."""
        super().format_epilog(ctx, formatter)
        write_examples(self.examples, formatter)
        write_exit_codes(self.exit_codes, formatter)


class Commands(click.Group):
    """The commands, listed in sections. Each is made when it is needed, so that none waits for what others import."""

    def __init__(self, *args: Any, examples: Sequence[tuple[str, str]] = (), **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.examples = [Example(*each) for each in examples]
        self._sections: dict[str, Mapping[str, Callable[[], click.Command]]] = {}

    def add_section(self, title: str, commands: Mapping[str, Callable[[], click.Command]]) -> None:
        """Add commands by their names, listed together under `title`."""
        self._sections[title] = commands

    def list_commands(self, ctx: click.Context) -> list[str]:
        """The names in the order of their sections, which completion keeps too."""
        del ctx
        return [name for commands in self._sections.values() for name in commands]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command of this name."""
        del ctx
        for commands in self._sections.values():
            if cmd_name in commands:
                return commands[cmd_name]()
        return None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the sections."""
        width = max(map(len, self.list_commands(ctx)))
        for title, commands in self._sections.items():
            with formatter.section(title):
                formatter.write_dl(
                    [(f"{name:<{width}}", made().get_short_help_str(limit=100)) for name, made in commands.items()]
                )

    def format_epilog(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write examples, and the exit codes of all commands."""
        super().format_epilog(ctx, formatter)
        write_examples(self.examples, formatter)
        write_exit_codes({code: code.meaning for code in ExitCode}, formatter)

    def main(self, args: Sequence[str] | None = None, prog_name: str | None = None, **extra: Any) -> Any:  # type: ignore[override]  # never seen as the other overload
        """Run as the program `NAME`."""
        return super().main(args, prog_name or NAME, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command that was typed. Ctrl-C ends it without a word more."""
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            raise Interrupted from None


def write_examples(examples: Sequence[Example], formatter: click.HelpFormatter) -> None:
    """Write each line as it is typed, never wrapped, with its purpose above it."""
    if not examples:
        return
    with formatter.section("Examples"):
        for example in examples:
            formatter.write(f"{'':>{formatter.current_indent}}# {example.what}\n")
            formatter.write(f"{'':>{formatter.current_indent}}{example.line}\n")


def write_exit_codes(meanings: Mapping[ExitCode, str], formatter: click.HelpFormatter) -> None:
    """Write what each code means."""
    with formatter.section("Exit codes"):
        formatter.write_dl([(str(int(code)), meanings[code]) for code in sorted(meanings)])
