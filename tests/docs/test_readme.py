"""The README, from its first line to its last, by a user on each Python of this machine."""

import re
import shutil
import subprocess
from pathlib import Path

import numpy as np
import pytest

from launcher.calling.audio import SAMPLE_RATE, quantized, write_wav
from tests.docs.commands import commands
from tests.docs.shell_user import ShellUser
from tests.packaging.pythons import pythons
from tests.requirements import required
from tests.speech import say

pytestmark = [
    pytest.mark.packages,
    pytest.mark.skipif(
        not required("packages"),
        reason="installs with pip and takes the default ports; `tox -e packages` runs this",
    ),
    pytest.mark.timeout(1_200),
]

ROOT = Path(__file__).parents[2]


@pytest.mark.parametrize("version", list(pythons())[:1])  # what it installs is tried on each by test_distributions
def test_the_readme_works_from_first_line_to_last(version: str, tmp_path: Path) -> None:
    clone = tmp_path / "parley"
    subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True, timeout=60)  # noqa: S603, S607 - our own
    # What the README leaves to its reader: a recording to play.
    question = np.concatenate([say("What time is it?"), np.zeros(SAMPLE_RATE, np.float32)])
    write_wav(clone / "question.wav", quantized(question))
    user = ShellUser(clone, tmp_path / "home", pythons()[version])
    typed = 0
    try:
        for command in commands(clone / "README.md"):
            if to_be_typed(command.text):
                runs_on = re.search(r"\bparley up\b", command.text)
                user.start(command.text) if runs_on else user.type(command.text)
                typed += 1
    finally:
        user.leave()
    assert typed >= 6


def to_be_typed(command: str) -> bool:
    if "…" in command:
        # A pattern to fill in.
        return False
    if "pytest" in command:
        # This very suite; `.ci/run` runs it by the README's command, and tox on the other Pythons.
        return False
    if command.startswith("docker"):
        # It needs a container engine; `tox -e containers` runs what the file says.
        return False
    return not command.startswith("grpcurl") or shutil.which("grpcurl") is not None
