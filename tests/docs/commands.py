"""The commands that a page of documentation tells people to type."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

_FENCE = re.compile(r"^ *```(?P<language>\S*)")


class Command(NamedTuple):
    """What to type, its continued lines as one, and the line of the page where it begins."""

    line: int
    text: str


def commands(page: Path, language: str = "sh") -> Iterator[Command]:
    """Every command in the page's fenced blocks of a language, in their order; lines of comment are left out."""
    started: Command | None = None
    for number, line in fenced_lines(page.read_text(), language):
        begun = started or Command(number, "")
        text = begun.text + line.removesuffix("\\")
        if line.endswith("\\"):
            started = Command(begun.line, text)
            continue
        started = None
        if text.strip() and not text.lstrip().startswith("#"):
            yield Command(begun.line, text)


def fenced_lines(text: str, language: str) -> Iterator[tuple[int, str]]:
    """The lines inside blocks of a language, each with its number."""
    inside: str | None = None
    for number, line in enumerate(text.splitlines(), start=1):
        if fence := _FENCE.match(line):
            inside = fence["language"] if inside is None else None
        elif inside == language:
            yield number, line
