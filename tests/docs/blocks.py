"""The fenced blocks of a Markdown page, and what is to be done with each.

A `sh` or `python` block is run. A `text` or `json` block that directly follows one is what it prints. An invisible
comment on the line before a block says when something else is to be done with it:

    <!-- not run: REASON -->       it cannot be run here
    <!-- runs until: WORDS -->     each of its lines is a command that goes on until it is ended; it says WORDS first

A block whose first line is `# NAME.py`, `// NAME.go` or `// NAME.mjs` is a program. It is saved under that name, and a
command of the page runs it.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

RUN = ("sh", "python")
SHOWN = ("text", "json")

_FENCE = re.compile(r"^```(?P<language>\w*)$")
_DIRECTIVE = re.compile(r"^<!-- (?P<what>not run|runs until): (?P<words>.+) -->$")
_FILE_NAME = re.compile(r"^(?:#|//) (?P<name>\w+\.(?:py|go|mjs))$")


@dataclass(frozen=True)
class Block:
    """One block, with the line its text begins on."""

    page: Path
    line: int
    language: str
    text: str
    not_run: str | None = None
    """Why it is not run."""
    runs_until: str | None = None
    """What it says when it has come far enough."""
    prints: str | None = None
    """What the page says it prints."""

    @property
    def where(self) -> str:
        """Where to look for it."""
        return f"{self.page.name}:{self.line}"

    @property
    def is_plain(self) -> bool:
        """Whether it is run, to its end."""
        return self.not_run is None and self.runs_until is None

    @property
    def saved_as(self) -> str | None:
        """The file it is kept in, if it is one."""
        named = _FILE_NAME.match(self.text.partition("\n")[0])
        return named and named["name"]

    @property
    def commands(self) -> list[str]:
        """Its lines, without what is only a comment."""
        stripped = (line.partition("  #")[0].strip() for line in self.text.splitlines())
        return [line for line in stripped if line and not line.startswith("#")]


def blocks(page: Path) -> list[Block]:
    """The blocks of a page that are run, or would be, in order; each with what it prints."""
    found: list[Block] = []
    for block, follows_directly in _fenced(page):
        if block.language in RUN or block.saved_as:
            found.append(block)
        elif block.language in SHOWN and follows_directly and found:
            found[-1] = replace(found[-1], prints=block.text)
    return found


def _fenced(page: Path) -> Iterator[tuple[Block, bool]]:
    """Every fenced block, and whether nothing but blank lines is between it and the one before."""
    lines = iter(enumerate(page.read_text().splitlines(), start=1))
    directive: re.Match[str] | None = None
    follows_directly = False
    for number, line in lines:
        if fence := _FENCE.match(line):
            text = "\n".join(_until_closed(lines, page))
            block = Block(page, number + 1, fence["language"], text)
            if directive:
                block = replace(block, **{directive["what"].replace(" ", "_"): directive["words"]})  # type: ignore[arg-type]  # both are words
            yield block, follows_directly
            follows_directly = True
        elif line.strip():
            follows_directly = False
        directive = _DIRECTIVE.match(line)


def _until_closed(lines: Iterator[tuple[int, str]], page: Path) -> Iterator[str]:
    for _, line in lines:
        if line == "```":
            return
        yield line
    raise AssertionError(f"a block of {page.name} is not closed")


def missing(shown: str, printed: str) -> str | None:
    """The first line of `shown` that `printed` lacks, in order; None when all are there. `…` stands for anything."""
    left = printed
    for line in filter(str.strip, shown.splitlines()):
        pattern = ".*".join(re.escape(part.strip()) for part in line.strip().split("…"))
        found = re.search(rf"^\s*{pattern}\s*$", left, re.MULTILINE)
        if found is None:
            return line
        left = left[found.end() :]
    return None
