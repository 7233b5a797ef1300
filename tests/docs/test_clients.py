"""The clients of docs/grpc.md in other languages: built as the page says, and run against a mesh.

Building downloads packages, which the room of the documentation cannot do. So it happens outside of it, and the clients
run inside.
"""

import os
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest

from tests.docs.blocks import Block, blocks
from tests.docs.room import Room
from tests.docs.run import run
from tests.requirements import required

PAGE = Path(__file__).parents[2] / "docs" / "grpc.md"
BUILD_LIMIT_S = 600.0

REQUIRED = required("clients")

pytestmark = [
    pytest.mark.docs,
    pytest.mark.timeout(900),
    pytest.mark.skipif(not REQUIRED, reason="downloads packages; `tox -e clients` runs this"),
]


@pytest.mark.parametrize(("language", "tools"), [("Go", ["go"]), ("Node", ["node", "npm"])])
def test_a_client_in(language: str, tools: list[str], mesh: Room) -> None:
    assert all(map(shutil.which, tools)), f"install {' and '.join(tools)} first"
    assert language != "Go" or find_spec("grpc_tools"), "install the extra dev first"
    program, build, call = section(language)
    assert program.saved_as
    assert run(program, mesh) is None
    built = subprocess.run(  # noqa: S603 - our own documentation
        ["bash", "-euo", "pipefail", "-c", build.text],  # noqa: S607
        cwd=mesh.home,
        env={**os.environ, "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=BUILD_LIMIT_S,
        check=False,
    )
    assert built.returncode == 0, built.stdout
    assert call.prints
    assert (fault := run(replace(call, not_run=None), mesh)) is None, fault


def section(title: str) -> list[Block]:
    """The blocks under the heading `### title`."""
    lines = PAGE.read_text().splitlines()
    begin = lines.index(f"### {title}") + 1
    end = next(number for number, line in enumerate(lines[begin:], begin) if re.match("##", line))
    return [block for block in blocks(PAGE) if begin < block.line <= end]
