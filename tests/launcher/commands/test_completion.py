import asyncio
import shutil
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import pytest
from click.testing import CliRunner

from launcher.commands.completion import SHELLS, VARIABLE
from launcher.main import main
from tests.launcher.conftest import Parley


@pytest.mark.parametrize("shell", SHELLS)
def test_prints_the_script_of_the_shell(shell: str) -> None:
    ran = CliRunner().invoke(main, ["completion", shell], catch_exceptions=False)
    assert ran.exit_code == 0
    assert f"{VARIABLE}={shell}_complete" in ran.stdout


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        ("parley do", ["plain,doctor"]),
        ("parley config orch", ["plain,orchestrator"]),
        ("parley up --dr", ["plain,--drain-limit"]),
        ("parley config --format m", ["plain,markdown"]),
    ],
)
async def test_answers_the_shell(parley: Parley, words: str, expected: list[str]) -> None:
    position = str(len(words.split()) - 1)
    ran = await parley(**{VARIABLE: "bash_complete", "COMP_WORDS": words, "COMP_CWORD": position})
    assert ran.out.splitlines() == expected


@pytest.mark.skipif(shutil.which("bash") is None, reason="needs bash")
async def test_completes_in_bash() -> None:
    command = Path(sys.executable).with_name("parley")
    script = (
        f'PATH={command.parent}:$PATH; eval "$(parley completion bash)"; '
        "COMP_WORDS=(parley do); COMP_CWORD=1; _parley_completion parley do parley; echo ${COMPREPLY[@]}"
    )
    process = await asyncio.create_subprocess_exec("bash", "--norc", "-c", script, stdout=PIPE)
    out, _ = await process.communicate()
    assert out.decode() == "doctor\n"
