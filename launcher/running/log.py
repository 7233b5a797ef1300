"""The one log of many processes: every line behind the name of the process it comes from, aligned."""

from collections import deque
from collections.abc import Callable, Iterable

import click

_COLOURS = ("cyan", "yellow", "green", "magenta", "blue", "bright_red", "bright_cyan", "bright_yellow")

_LAST_LINES = 6


class PrefixedLog:
    """Prints to standard output, in colour when that is a terminal."""

    on_closed: Callable[[], None] | None = None
    """Called once, when nobody reads the output any more."""

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
