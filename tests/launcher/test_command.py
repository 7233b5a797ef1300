"""Help that teaches: every example is a line that the commands take."""

import shlex
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from click.testing import CliRunner

from launcher.command import Command, Commands, Example
from launcher.commands.completion import SHELLS
from launcher.failure import ExitCode
from launcher.main import main

CONTEXT = click.Context(main)
NAMES = main.list_commands(CONTEXT)


def named(name: str, group: click.Group = main) -> Command | Commands:
    command = group.get_command(CONTEXT, name)
    assert isinstance(command, Command | Commands)
    assert command.name == name
    return command


def groups() -> Iterator[Commands]:
    """The command itself, and those of its commands that have commands."""
    assert isinstance(main, Commands)
    yield main
    yield from (group for name in NAMES if isinstance(group := named(name), Commands))


def paths() -> Iterator[list[str]]:
    """Every command, as it is typed."""
    for group in groups():
        before = [] if group is main else [str(group.name)]
        yield from ([*before, name] for name in group.list_commands(CONTEXT))


def examples() -> Iterator[Example]:
    for group in groups():
        yield from group.examples
        for name in group.list_commands(CONTEXT):
            command = named(name, group)
            assert command.examples, name
            yield from command.examples if isinstance(command, Command) else ()


def words(line: str) -> list[str]:
    """What the shell makes of a line: neither variables before it, nor where the output goes."""
    inner = line.removeprefix('eval "$(').removesuffix(')"')
    typed = shlex.split(inner.partition(" > ")[0])
    return typed[next(at for at, word in enumerate(typed) if "=" not in word) :]


@pytest.mark.parametrize("example", [*examples()], ids=lambda example: example.line)
def test_every_example_is_taken(example: Example, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("question.wav", "recording.jsonl", "another.jsonl", ".env"):
        (tmp_path / name).touch()
    monkeypatch.chdir(tmp_path)
    program, name, *arguments = words(example.line)
    assert program == "parley"
    command = named(name)
    if isinstance(command, Commands):
        command = named(arguments[0], command)
        arguments = arguments[1:]
    command.make_context(name, arguments)


@pytest.mark.parametrize("path", [*paths()], ids=" ".join)
def test_every_help_ends_with_examples_and_exit_codes(path: list[str]) -> None:
    ran = CliRunner().invoke(main, [*path, "--help"], catch_exceptions=False)
    assert ran.exit_code == 0
    _, _, ending = ran.stdout.partition("\nExamples:\n")
    assert "\nExit codes:\n  0 " in ending


def test_the_commands_are_in_sections_and_every_exit_code_is_told() -> None:
    ran = CliRunner().invoke(main, ["--help"], catch_exceptions=False)
    assert [line[:-1] for line in ran.stdout.splitlines() if line.endswith(":") and line[0] != " "] == [
        *("Options", "Run", "Try", "Look", "Single processes, for production", "Examples"),
        "Exit codes",
    ]
    for code in ExitCode:
        assert f"  {int(code):<3}  {code.meaning}" in ran.stdout
    assert set(SHELLS) == {"bash", "zsh", "fish"}


def test_ctrl_c_ends_a_command_without_a_word() -> None:
    @click.command()
    def waiting() -> None:
        raise KeyboardInterrupt

    group = Commands()
    group.add_section("Wait", {"waiting": lambda: waiting})
    ran = CliRunner().invoke(group, ["waiting"])
    assert (ran.exit_code, ran.output) == (130, "\n")


def test_a_command_does_not_wait_for_what_others_import() -> None:
    heavy = ("numpy", "openai", "starlette", "websockets")
    code = (
        f"import sys, launcher.main, launcher.commands.health; print([each for each in {heavy} if each in sys.modules])"
    )
    ran = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)  # noqa: S603 - our own
    assert ran.stdout == "[]\n"


def test_a_command_that_does_not_exist() -> None:
    ran = CliRunner().invoke(main, ["upp"])
    assert ran.exit_code == ExitCode.USAGE
    assert "No such command 'upp'" in ran.stderr
