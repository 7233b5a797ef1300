"""What lies in the directory that `parley` is started in is never imported."""

import asyncio
import os
from asyncio.subprocess import DEVNULL, PIPE
from pathlib import Path

import pytest

from launcher.checks.installation import packages
from launcher.running.plan import plan
from mesh.engines.findings import State
from tests.launcher.checks.conftest import Look, context  # noqa: F401 - a fixture
from tests.ports import free_port

PROCESSES = ("edge", "mesh", "orchestrator", "responder", "stt_proxy", "tts_proxy", "voice_service", "random")


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A directory, and the present one, whose files are called like the modules that a mesh imports."""
    for name in PROCESSES:
        (tmp_path / f"{name}.py").write_text("raise SystemExit('a file of the user was imported')\n")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("hostile")
async def test_a_child_starts_anywhere() -> None:
    environ = {**os.environ, "PARLEY_RESPONDER_PORT": str(free_port())}
    planned = plan(environ, edge_port=None, port_offset=0, drain_limit_s=0.0, llm=None)
    [responder] = [child for child in planned.children if child.name == "responder"]
    process = await asyncio.create_subprocess_exec(
        *responder.command, env=responder.environ, stdin=DEVNULL, stdout=DEVNULL, stderr=PIPE
    )
    try:
        async with asyncio.timeout(30):
            assert process.stderr is not None
            said = await process.stderr.readline()
            assert b"serving" in said
            assert await responder.ready()
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


@pytest.mark.usefixtures("hostile")
async def test_doctor_does_not_take_them_for_a_broken_installation(context: Look) -> None:  # noqa: F811
    findings = await packages(await context(**os.environ))
    assert [finding.state for finding in findings] == [State.FINE, State.FINE], findings
