"""The list of licences names every package that is installed for Parley."""

import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parents[2]


def test_every_dependency_is_listed() -> None:
    ran = subprocess.run(  # noqa: S603 - our own script
        [sys.executable, ROOT / "scripts" / "licences", "--check"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
