"""Every command of the documentation is run, in the order of the page."""

import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.docs.blocks import Block, blocks
from tests.docs.room import Room
from tests.docs.run import run, started
from tests.requirements import required

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
DOCUMENTS = [
    *PAGES,
    *(ROOT / name for name in ("ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md", "edge/page/README.md")),
    ROOT / "orchestrator/prompts/characters/README.txt",
]
COLUMNS = 100
BLOCKS = [block for page in PAGES for block in blocks(page)]

needs_grpcurl = pytest.mark.skipif(
    shutil.which("grpcurl", path=f"{ROOT / '.tools'}{os.pathsep}{os.environ['PATH']}") is None
    and not required("grpcurl"),
    reason="grpcurl is not installed; `tox -e docs` installs it with the Go tool chain and runs this",
)


@pytest.mark.docs
@needs_grpcurl
@pytest.mark.timeout(180)
@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_the_commands_of(page: Path, mesh: Room) -> None:
    faults = [fault for block in blocks(page) if block.is_plain and (fault := run(block, mesh))]
    assert not faults, "\n\n".join(faults)


@pytest.mark.docs
@pytest.mark.parametrize("block", [block for block in BLOCKS if block.runs_until], ids=lambda block: block.where)
def test_what_runs_until_it_is_ended(block: Block, empty_room: Room) -> None:
    for command in block.commands:
        with started(command, str(block.runs_until), empty_room):
            pass


def test_what_is_kept_is_run() -> None:
    """A file that no command of its page runs is not known to work."""
    for page in PAGES:
        found = blocks(page)
        commands = "\n".join(block.text for block in found if block.language == "sh")
        for block in found:
            assert block.saved_as is None or block.saved_as in commands, block.where


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page: Path) -> None:
    for target, anchor in re.findall(r"\]\((?!https?:)([^)#]*)(?:#([^)]+))?\)", page.read_text()):
        led_to = page.parent / target if target else page
        assert led_to.exists(), f"{page.name} leads to {target}"
        assert not anchor or anchor in anchors(led_to), f"{page.name} leads to {target}#{anchor}"


def anchors(page: Path) -> set[str]:
    """The anchors of a page's headings, as GitHub makes them."""
    headings = re.findall(r"^#+ (.+)$", page.read_text(), re.MULTILINE)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", DOCUMENTS, ids=lambda page: str(page.relative_to(ROOT)))
def test_lines_are_short(page: Path) -> None:
    long = [f"{number}: {line}" for number, line in prose(page) if len(line) > COLUMNS]
    assert not long, f"{page.name} has lines of more than {COLUMNS} columns:\n" + "\n".join(long)


def prose(page: Path) -> Iterator[tuple[int, str]]:
    """The lines of a page with their numbers, without blocks, tables, comments and lines that a URL makes long."""
    in_block = False
    for number, line in enumerate(page.read_text().splitlines(), start=1):
        if line.strip().startswith("```"):
            in_block = not in_block
        elif not in_block and not line.lstrip().startswith(("|", "<!--")) and not re.search(r"https?://\S{60}", line):
            yield number, line


def test_what_counts_as_prose(tmp_path: Path) -> None:
    page = tmp_path / "page.md"
    page.write_text("one\n```sh\nblock\n```\n| a table |\n<!-- a comment -->\ntwo\n")
    assert list(prose(page)) == [(1, "one"), (7, "two")]


def test_few_blocks_are_not_run() -> None:
    left_out = [f"{block.where}: {block.not_run}" for block in BLOCKS if block.not_run]
    print(f"{len(BLOCKS) - len(left_out)} blocks are run, {len(left_out)} are not:", *left_out, sep="\n")  # noqa: T201
    assert len(left_out) <= len(BLOCKS) / 5
