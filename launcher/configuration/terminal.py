"""The settings for a person at a terminal."""

from collections.abc import Iterable

from rich.console import Console
from rich.padding import Padding
from rich.table import Table
from rich.text import Text

from launcher.configuration.formats import by_title, purpose
from launcher.configuration.inventory import SHARED, Entry

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
