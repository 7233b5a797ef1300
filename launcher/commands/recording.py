"""`parley recording`: what can be done with recordings."""

import sys
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import click

from launcher.command import Command, Commands
from launcher.failure import ExitCode, Failure
from launcher.recordings.transcript import transcript
from launcher.recordings.unmute import unmute
from orchestrator.recorder.reading import Difference, NotARecording
from orchestrator.recorder.reading import replay as replayed

_FORMATS: dict[str, Callable[[Path], Iterator[str]]] = {"text": transcript, "unmute": unmute}
_SUFFIXES = {"text": ".txt", "unmute": ".unmute.jsonl"}

_FILE = click.Path(exists=True, dir_okay=False, readable=True, path_type=Path)


class UnusableRecording(Failure):
    """A file cannot be used; the message names it and says what was expected."""

    exit_code = ExitCode.USAGE


@click.group(
    cls=Commands,
    examples=[
        ("parley recording export recording.jsonl", "read it"),
        ("parley recording replay recording.jsonl", "does the core still decide the same?"),
    ],
)
def recording() -> None:
    """Read recordings, and replay them through the core.

    A mesh with PARLEY_RECORDINGS_FOLDER records the conversations of people who consent.
    """


@click.command(
    cls=Command,
    examples=[
        ("parley recording export recording.jsonl", "a text to read: who said what, and when"),
        ("parley recording export --format unmute recording.jsonl --output events.jsonl", "for Unmute's tools"),
        ("parley recording export recording.jsonl another.jsonl --output texts", "several, each as a file in a folder"),
    ],
    exit_codes={ExitCode.FAILED: "the output cannot be written", ExitCode.USAGE: ExitCode.USAGE.meaning},
)
@click.argument("files", nargs=-1, required=True, type=_FILE, metavar="FILE...")
@click.option(
    "--format",
    "chosen",
    type=click.Choice([*_FORMATS]),
    default="text",
    show_default=True,
    help="For people, or as Unmute writes its recordings.",
)
@click.option(
    "--output",
    type=click.Path(path_type=Path),
    metavar="PATH",
    help="Write to this file; for several recordings, into this folder. Left out: to standard output.",
)
def export(files: tuple[Path, ...], chosen: str, output: Path | None) -> None:
    """Write the recordings FILE in another form."""
    if output and len(files) > 1 and not output.is_dir():
        raise click.UsageError(f"several recordings need a folder for --output: {output} is none")
    for number, file in enumerate(files):
        target = output
        if output and output.is_dir():
            target = output / f"{file.name.partition('.jsonl')[0]}{_SUFFIXES[chosen]}"
        if number and target is None and chosen == "text":
            click.echo()
        _write(_FORMATS[chosen](file), target)


@click.command(
    cls=Command,
    examples=[
        ("parley recording replay recording.jsonl", "after a change of turn taking: what would be different?"),
    ],
    exit_codes={
        ExitCode.DONE: "every action was the same",
        ExitCode.FAILED: "one was not; the first is shown",
        ExitCode.USAGE: ExitCode.USAGE.meaning,
    },
)
@click.argument("files", nargs=-1, required=True, type=_FILE, metavar="FILE...")
def replay(files: tuple[Path, ...]) -> None:
    """Feed a fresh core the recorded events, and compare its actions with the recorded ones.

    The core has no clock and no chance in it: it does the same unless its rules have changed.
    """
    differ = False
    for file in files:
        with _refusals():
            outcome = replayed(file)
        if outcome.difference:
            differ = True
            click.echo(f"{file}: differs after {outcome.steps} steps, at line {outcome.difference.line}")
            click.echo("\n".join(_shown(outcome.difference)))
        else:
            click.echo(f"{file}: {outcome.steps} steps and {outcome.actions} actions, all the same")
            if not outcome.complete:
                click.echo(f"Note: {file} breaks off: its process was killed, or is still writing it.", err=True)
    if differ:
        sys.exit(ExitCode.FAILED)


def _shown(difference: Difference) -> Iterator[str]:
    yield f"  at {difference.now:.3f} s: {difference.event or 'the timer'}"
    for who, actions in (("recorded", difference.recorded), ("replayed", difference.replayed)):
        yield f"  {who}:{'' if actions else ' nothing'}"
        yield from (f"    {action}" for action in actions)


def _write(written: Iterable[str], target: Path | None) -> None:
    with _refusals():
        if target is None:
            for line in written:
                click.echo(line)
            return
        try:
            with target.open("w", encoding="utf-8") as file:
                file.writelines(f"{line}\n" for line in written)
        except OSError as error:
            raise Failure(f"cannot write {target}: {error.strerror}") from None


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except NotARecording as error:
        raise UnusableRecording(str(error)) from None


recording.add_section("Commands", {"export": lambda: export, "replay": lambda: replay})
