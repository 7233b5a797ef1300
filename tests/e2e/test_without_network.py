"""Models that are not on the machine and may not be fetched: what `parley up` says, and what it does."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.e2e.mesh import running_mesh

pytestmark = [pytest.mark.e2e, pytest.mark.timeout(180)]


def nothing_here(folder: Path) -> dict[str, str]:
    """Settings of a machine without models and without a network."""
    return {"PARLEY_MODELS_FOLDER": str(folder), "PARLEY_MODELS_NETWORK": "0"}


def test_the_next_best_recogniser_runs_and_how_much_worse_it_is_is_said(tmp_path: Path) -> None:
    with running_mesh(PARLEY_STT_ENGINE="", PARLEY_TTS_ENGINE="", **nothing_here(tmp_path)) as mesh:
        (line,) = [each for each in mesh.log if each.startswith("speech recognition: ")]
    chosen, _, missed = line.partition("Better, but not here: ")
    assert chosen.startswith("speech recognition: pocketsphinx, ")
    assert "wrong" in chosen
    assert missed.startswith("whisper, ")
    assert "wrong" in missed
    assert "PARLEY_MODELS_NETWORK forbids fetching it" in missed
    assert "parley models fetch" in missed


def test_a_recogniser_that_was_named_is_not_replaced(tmp_path: Path) -> None:
    ended = subprocess.run(  # noqa: S603 - our own command
        [str(Path(sys.executable).with_name("parley")), "up"],
        env={**os.environ, "PARLEY_STT_ENGINE": "whisper", **nothing_here(tmp_path)},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert ended.returncode == 1
    assert ended.stdout == ""
    assert ended.stderr.startswith("Error: speech recognition: whisper cannot run here: whisper-base is not on this")
    assert "PARLEY_MODELS_NETWORK forbids fetching it" in ended.stderr
