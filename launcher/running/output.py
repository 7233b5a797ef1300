"""What `parley up` prints: one log of many processes, live progress lines under it, and the banner of a ready mesh."""

import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from types import TracebackType
from typing import Self

import click
from rich.console import Console, ConsoleOptions, RenderResult
from rich.live import Live
from rich.table import Table
from rich.text import Text

from launcher.command import typed
from launcher.processes import DEFAULT_TARGET, DEFAULT_URL
from launcher.running.language_model import LOCAL_SERVERS
from launcher.running.plan import Plan
from launcher.running.supervise import Stage
from mesh.process.ports import authority
from mesh.text.masking import masked

_COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "bright_red", "bright_cyan", "bright_yellow")

_LAST_LINES = 6


class PrefixedLog:
    """Prints to standard output, in colour when that is a terminal."""

    on_closed: Callable[[], None] | None = None
    """Called once, when the reader of the output is gone."""

    echo: Callable[[str], None]
    """Prints a line."""

    def __init__(self, names: Iterable[str]) -> None:
        self.echo = click.echo
        self._colours = dict(zip(names, _COLOURS, strict=False))
        self._width = max(map(len, self._colours), default=0)
        self._last: dict[str, deque[str]] = {}
        self._closed = False

    def __call__(self, name: str, line: str) -> None:
        """Print a line from, or about, the process called `name`."""
        self._last.setdefault(name, deque(maxlen=_LAST_LINES)).append(line)
        if self._closed:
            return
        prefix = click.style(f"{name:<{self._width}} |", fg=self._colours.get(name))
        try:
            self.echo(f"{prefix} {line}")
        except BrokenPipeError:
            self._closed = True
            if self.on_closed is not None:
                self.on_closed()

    def last_lines(self, name: str) -> list[str]:
        """What was last printed of the process."""
        return list(self._last.get(name, ()))


_REFRESHED_PER_SECOND = 8
_ROOM_FOR_LOG = 4
"""Lines of the terminal to leave to the log. With fewer, all processes share one line."""


@dataclass(frozen=True, slots=True)
class _Row:
    stage: Stage
    since: float
    took_s: float = 0.0


class Progress:
    """Live lines inside `with`, until `done`. On anything but a terminal it prints nothing: the log is enough.

    `print_line` prints a line above it.
    """

    def __init__(self, names: Iterable[str], console: Console) -> None:
        now = time.monotonic()
        self._rows = {name: _Row(Stage.STARTING, now) for name in names}
        self._console = console
        self._live = Live(
            self, console=console, transient=True, refresh_per_second=_REFRESHED_PER_SECOND, redirect_stderr=False
        )

    def __enter__(self) -> Self:
        if self._console.is_terminal and not self._console.is_dumb_terminal:
            self._live.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.done()

    def note(self, name: str, stage: Stage) -> None:
        """Show the new stage of a process."""
        now = time.monotonic()
        row = self._rows[name]
        if stage is Stage.READY:
            self._rows[name] = replace(row, stage=stage, took_s=now - row.since)
        else:
            self._rows[name] = replace(row, stage=stage)

    def done(self) -> None:
        """Remove the lines. May be called more than once."""
        self._live.stop()

    def print_line(self, line: str) -> None:
        """Print a line, which may contain colours, above the live lines."""
        self._console.print(Text.from_ansi(line), soft_wrap=True)

    @property
    def shown(self) -> bool:
        """Whether it is on the screen."""
        return self._live.is_started

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        rows = dict(self._rows)
        if console.height < len(rows) + _ROOM_FOR_LOG:
            yield _one_line(rows)
            return
        table = Table.grid(padding=(0, 2, 0, 0))
        for name, row in rows.items():
            table.add_row(Text(name), _described(row))
        yield table


def _described(row: _Row) -> Text:
    waited_s = time.monotonic() - row.since
    match row.stage:
        case Stage.STARTING:
            return Text(f"starting, {waited_s:.0f} s", style="yellow")
        case Stage.READY:
            return Text(f"ready after {row.took_s:.1f} s", style="green")
        case Stage.ENDED:
            return Text("ended, starting again", style="red")


def _one_line(rows: Mapping[str, _Row]) -> Text:
    waiting = [name for name, row in rows.items() if row.stage is not Stage.READY]
    return Text(
        f"{len(rows) - len(waiting)} of {len(rows)} ready; {', '.join(waiting)}", no_wrap=True, overflow="ellipsis"
    )


_LOCAL_PROGRAMS = ", ".join(server.program for server in LOCAL_SERVERS)


def banner(planned: Plan, *, llm_answers: bool, llm_problems: Sequence[str] = ()) -> str:
    """The text to print: where the page is, what writes the replies, what to try and how to stop.

    `llm_problems` says what is wrong with the language model, each with its remedy.
    """
    parts = (
        f"Parley is ready at http://{authority(*planned.edge)}\nOpen that address in a browser and talk.",
        "\n".join(_replies(planned, llm_answers=llm_answers, problems=llm_problems)),
        "\n".join(_trials(planned)),
        "Ctrl-C ends it.",
    )
    return "\n\n".join(("", *parts, ""))


def _replies(planned: Plan, *, llm_answers: bool, problems: Sequence[str]) -> Iterator[str]:
    if planned.llm is None:
        parley = typed()
        url = "http://127.0.0.1:8080"
        width = len(f"{parley} up --llm {url}")
        yield "The built-in responder writes the replies. It only follows rules. For a language model:"
        yield f"    {f'{parley} up --llm auto':{width}}  the first found on this machine: {_LOCAL_PROGRAMS}"
        yield f"    {parley} up --llm {url}  any OpenAI-compatible server; or set KYUTAI_LLM_URL, KYUTAI_LLM_MODEL"
        return
    model = f"the model {planned.llm.model}" if planned.llm.model else "the only model"
    yield f"Replies come from {model} at {masked(planned.llm.url)} ({planned.llm.told_by})."
    if problems:
        yield "Conversations will fail until this is solved:"
        yield from (f"    {problem}" for problem in problems)
    elif not llm_answers:
        yield "It does not answer. Is it running? Conversations will fail until it does."


def _trials(planned: Plan) -> Iterator[str]:
    edge, orchestrator = authority(*planned.edge), authority(*planned.orchestrator)
    url = "" if f"ws://{edge}" == DEFAULT_URL else f" --url ws://{edge}"
    target = "" if orchestrator == DEFAULT_TARGET else f" --target {orchestrator}"
    yield "Or in another terminal: type a question and keep the answer, then play that answer as a caller would:"
    yield f'    {typed()} say "Who are you?" --out answer.wav{target}'
    yield f"    {typed()} call answer.wav{url}"
