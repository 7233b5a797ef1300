"""A Python that is too old is named before anything else goes wrong."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
WANTED = "Parley needs Python 3.11 to 3.14; this is Python"


@pytest.mark.parametrize("started", ["import launcher.main", "import hatch_build"])
def test_an_old_python_is_told_which_one_is_needed(started: str) -> None:
    code = f"import sys; sys.version_info = (3, 10, 13, 'final', 0); sys.version = '3.10.13 (main)'; {started}"
    ran = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False)  # noqa: S603 - our own
    assert ran.returncode == 1
    assert ran.stderr == f"{WANTED} 3.10.13.\n"


def test_the_message_names_the_versions_of_the_package() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    named = re.findall(r"3\.\d+", WANTED)
    assert project["requires-python"] == f">={named[0]},<3.{int(named[-1].split('.')[1]) + 1}"
