"""The commands that a page of documentation tells people to type."""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.docs.blocks import Block, blocks


class Command(NamedTuple):
    """What to type, its continued lines as one, and the line of the page where it begins."""

    line: int
    text: str


def commands(page: Path, language: str = "sh") -> Iterator[Command]:
    """Every command in the page's fenced blocks of a language, in their order; lines of comment are left out."""
    for block in blocks(page):
        if block.language == language:
            yield from _commands(block)


def _commands(block: Block) -> Iterator[Command]:
    started: Command | None = None
    for number, line in enumerate(block.text.splitlines(), start=block.line):
        begun = started or Command(number, "")
        text = begun.text + line.removesuffix("\\")
        if line.endswith("\\"):
            started = Command(begun.line, text)
            continue
        started = None
        if text.strip() and not text.lstrip().startswith("#"):
            yield Command(begun.line, text)
