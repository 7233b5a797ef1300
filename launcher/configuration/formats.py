"""The settings in every form that `parley config` prints."""

import re
import textwrap
from collections.abc import Iterable, Iterator
from itertools import groupby

import msgspec
from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from launcher.configuration.inventory import SHARED, Entry
from launcher.processes import PROCESSES

_COLUMNS = 100
"""The length of a line of a document."""

_PLAIN = re.compile(r"[\w./:,@%+*=-]*")
"""A value that needs no quotes in an .env file."""


def as_json(entries: Iterable[Entry]) -> str:
    """A list of objects. Values are texts, as a variable would hold them; null: none."""
    listed = [
        {
            "name": entry.setting.name,
            "variables": entry.setting.env,
            "processes": entry.processes,
            "engines": entry.engines,
            "meaning": entry.setting.help,
            "accepts": entry.setting.expected,
            "secret": entry.setting.secret,
            "default": entry.default,
            "value": entry.value,
            "source": entry.reading.source,
            "fault": entry.reading.fault,
        }
        for entry in entries
    ]
    return msgspec.json.format(msgspec.json.encode(listed)).decode()


def as_markdown(entries: Iterable[Entry]) -> str:
    """A section with a table for each process. It contains nothing of the current environment."""
    return "\n\n".join("\n".join(_section(title, list(group))) for title, group in by_title(entries))


def as_env(entries: Iterable[Entry]) -> str:
    """Every setting as a comment and a line; a line is in force where the environment sets it. Secrets stay out.

    A value that holds a credential is shown without it, and not in force.
    """
    return "\n\n".join("\n".join(_env_lines(title, list(group))) for title, group in by_title(entries))


def by_title(entries: Iterable[Entry]) -> Iterator[tuple[str, Iterator[Entry]]]:
    """The entries under the title they are listed by."""
    return groupby(entries, key=lambda entry: entry.title)


def purpose(title: str) -> str:
    """What is under a title, as a sentence."""
    process_name, _, engines = title.partition(": ")
    process = next((each for each in PROCESSES if each.name == process_name), None)
    if process is None:
        return "Settings that all processes share."
    if not engines or process.engines is None:
        return process.purpose
    plugins = process.engines.plugins
    return " ".join(f"{name}: {plugins[name].summary}." for name in engines.split(" and "))


def _section(title: str, entries: list[Entry]) -> Iterator[str]:
    yield f"## {title.capitalize() if title == SHARED else f'`{title}`'}\n"
    yield textwrap.fill(purpose(title), _COLUMNS, break_on_hyphens=False) + "\n"
    yield "| variable | meaning | accepts | default |"
    yield "|---|---|---|---|"
    for entry in entries:
        variables = " or ".join(f"`{name}`" for name in entry.setting.env)
        default = f"`{entry.default}`" if entry.default else ""
        cells = (variables, entry.setting.help + _readers(entry), entry.setting.expected, default)
        yield f"| {' | '.join(cell.replace('|', chr(92) + '|') for cell in cells)} |"


def _readers(entry: Entry) -> str:
    others = "" if entry.title == SHARED else ", ".join(entry.processes[1:])
    return f" (Read by {others} too.)" if others else ""


def _env_lines(title: str, entries: list[Entry]) -> Iterator[str]:
    yield f"# == {title}: {purpose(title)}"
    for entry in entries:
        also = "".join(f"; also {name}" for name in entry.setting.env if name != entry.variable)
        yield f"\n# {entry.setting.help}{_readers(entry)}\n# Accepts {entry.setting.expected}{also}."
        value = entry.value if entry.changed and not entry.setting.secret else entry.default
        in_force = entry.changed and not entry.hides and entry.reading.fault is None
        yield f"{'' if in_force else '#'}{entry.variable}={_quoted(value or '')}"


def _quoted(value: str) -> str:
    r"""A value so that both Compose and `--env-file` read it as it is.

    Single quotes keep everything, double quotes keep a single quote. A value with a single quote and any of ", $ and \
    has no such form; it is written as Compose reads it.
    """
    if _PLAIN.fullmatch(value):
        return value
    if "'" not in value:
        return f"'{value}'"
    escaped = re.sub(r'(["$\\])', r"\\\1", value)
    return f'"{escaped}"'


_MARGIN = 2

_SIDE_BY_SIDE = 100
"""Columns that a terminal must have for the meaning to stand beside the variable; else it stands below."""


def show(entries: Iterable[Entry], console: Console) -> None:
    """Print each setting as the line by which it is set, with what a person should know about it."""
    listed = list(entries)
    width = max(len(entry.variable) + len(entry.value or "") + 1 for entry in listed)
    for title, group in by_title(listed):
        console.print(Text.assemble((title, "bold"), f"  {purpose(title)}"))
        if console.width >= _SIDE_BY_SIDE:
            table = Table.grid(padding=(0, 0, 0, _MARGIN), pad_edge=True)
            table.add_column(width=min(width + _MARGIN, console.width // 2), overflow="fold")
            table.add_column()
            for entry in group:
                table.add_row(_assignment(entry), _details(entry))
            console.print(table)
        else:
            for entry in group:
                console.print(Padding(_assignment(entry), (0, 0, 0, _MARGIN), expand=False))
                console.print(Padding(_details(entry), (0, 0, 0, 3 * _MARGIN), expand=False))
        console.print()


def _assignment(entry: Entry) -> Text:
    variable = Text(entry.variable, style="cyan")
    if entry.reading.fault:
        return Text.assemble(variable, "=", ("does not fit", "bold red"))
    value = Text(entry.value if entry.value is not None else "", style="bold yellow" if entry.changed else "")
    return Text.assemble(variable, "=", value)


def _details(entry: Entry) -> Text:
    default = f"default {entry.default}" if entry.default is not None else "not set by default"
    source = f"set by {entry.reading.source}, {default}" if entry.reading.source else "the default"
    if not entry.reading.source and entry.value is None:
        source = "not set"
    others = [name for name in entry.setting.env if name != entry.variable]
    also = f"; also {', '.join(others)}" if others else ""
    readers = "" if entry.title == SHARED else "".join(f"; read by {name} too" for name in entry.processes[1:])
    about = f"{entry.setting.expected}; {source}{also}{readers}"
    return Text.assemble(entry.setting.help, "\n", (about, "dim"))
