"""Every command of the documentation is run, in the order of the page."""

import os
import re
import shutil
from pathlib import Path

import pytest

from tests.docs.blocks import Block, blocks
from tests.docs.room import Room
from tests.docs.run import run, started

ROOT = Path(__file__).parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
BLOCKS = [block for page in PAGES for block in blocks(page)]

needs_grpcurl = pytest.mark.skipif(
    shutil.which("grpcurl", path=f"{ROOT / '.tools'}{os.pathsep}{os.environ['PATH']}") is None
    and os.environ.get("PARLEY_TESTS_REQUIRE") != "grpcurl",
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


def test_links_lead_somewhere() -> None:
    for page in PAGES:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text()):
            assert (page.parent / target).exists(), f"{page.name} leads to {target}"


def test_few_blocks_are_not_run() -> None:
    left_out = [f"{block.where}: {block.not_run}" for block in BLOCKS if block.not_run]
    print(f"{len(BLOCKS) - len(left_out)} blocks are run, {len(left_out)} are not:", *left_out, sep="\n")  # noqa: T201
    assert len(left_out) <= len(BLOCKS) / 5
