import asyncio
import os
import re
import signal
import socket
import sys
from asyncio.subprocess import PIPE, STDOUT, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner
from prometheus_client import CollectorRegistry

from edge.server import serving
from edge.settings import EdgeSettings
from launcher.commands.up import _llm_problems
from launcher.main import main
from launcher.running.language_model import choose
from launcher.running.plan import plan
from standins.llm.engine import LlmEngine
from tests.launcher.conftest import Parley, gone
from tests.ports import free_port

DEADLINE_S = 90.0


class Up:
    """A running `parley up`, and what it has printed."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.printed: list[str] = []

    async def until(self, pattern: str) -> re.Match[str]:
        """The first line to come that holds `pattern`."""
        assert self.process.stdout is not None
        async with asyncio.timeout(DEADLINE_S):
            while line := await self.process.stdout.readline():
                self.printed.append(line.decode())
                if match := re.search(pattern, self.printed[-1]):
                    return match
        raise AssertionError(f"{pattern} never came:\n{''.join(self.printed)}")


@asynccontextmanager
async def parley_up(*arguments: str, **variables: str) -> AsyncIterator[Up]:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from launcher.main import main; main()", "up", *arguments),
        env={**os.environ, "PARLEY_STT_POCKETSPHINX_WORKERS": "1", **variables},
        stdout=PIPE,
        stderr=STDOUT,
    )
    try:
        yield Up(process)
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


def children(pid: int) -> list[int]:
    return [int(child) for child in Path(f"/proc/{pid}/task/{pid}/children").read_text().split()]


@pytest.mark.e2e
async def test_a_whole_mesh_answers_survives_a_death_and_leaves_nothing_behind(
    parley: Parley, port_offset: int
) -> None:
    edge_port = free_port()
    async with parley_up("--port", str(edge_port), "--port-offset", str(port_offset)) as up:
        await up.until(rf"Parley is ready at http://127\.0\.0\.1:{edge_port}")
        target = (await up.until(r"parley say .* --target (\S+)"))[1]

        ran = await parley("say", "What is your name?", "--text-only", "--target", target)
        assert (ran.code, ran.out) == (0, "parley: My name is Parley. What is your name?\n"), ran.err

        pids = children(up.process.pid)
        assert len(pids) == 6
        os.kill(pids[0], signal.SIGKILL)
        await up.until(r"responder +\| was ended by signal 9; starting it again in 0.5 s")
        await up.until(r"responder +\| .*serving")

        pids = children(up.process.pid)
        up.process.send_signal(signal.SIGINT)
        async with asyncio.timeout(DEADLINE_S):
            printed, _ = await up.process.communicate()
        assert up.process.returncode == 0, printed.decode()
        assert b"did not end in time" not in printed
        for pid in pids:
            await gone(pid)


@pytest.mark.e2e
async def test_a_process_that_cannot_start_ends_the_command(tmp_path: Path, port_offset: int) -> None:
    arguments = ("--port", str(free_port()), "--port-offset", str(port_offset))
    async with parley_up(*arguments, PARLEY_VOICES_FILE=str(tmp_path / "nothing.yaml")) as up:
        await up.until(r"voice-service +\| ended with exit code \d; starting it again in 1 s")
        await up.until(r"Error: the mesh could not start: voice-service ended with exit code \d 3 times before it was")
        await up.until(r"The last lines of voice-service:")
        await up.until(r"nothing\.yaml")
        await up.until(r"parley doctor")
        async with asyncio.timeout(DEADLINE_S):
            await up.process.wait()
        assert up.process.returncode == 1


async def test_a_taken_port_is_told_before_anything_starts(parley: Parley, port_offset: int) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        ran = await parley("up", "--port", str(port), "--port-offset", str(port_offset))
    assert ran.code == 1
    assert ran.out == ""
    assert re.search(
        rf"port {port} on 127\.0\.0\.1 is taken by \S+, process {os.getpid()}, and the edge wants it;"
        " stop that, or use --port",
        ran.err,
    )


def test_a_language_model_without_an_address_is_told() -> None:
    ran = CliRunner().invoke(main, ["up", "--llm", "localhost:11434"])
    assert ran.exit_code == 2
    assert "localhost:11434 is neither an http:// address nor auto" in ran.stderr
    assert "is it http://localhost:11434?" in ran.stderr
    ran = CliRunner().invoke(main, ["up", "--llm", "me:sesame@llm:80"])
    assert ran.exit_code == 2
    assert "***@llm:80 is neither" in ran.stderr
    assert "sesame" not in ran.output


async def test_a_setting_that_does_not_fit_is_told_before_anything_starts(parley: Parley) -> None:
    ran = await parley("up", PARLEY_TTS_RATE_WPM="fast")
    assert ran.code == 1
    assert ran.out == ""
    assert "PARLEY_TTS_RATE_WPM=fast is not a whole number" in ran.err


async def test_a_mesh_that_runs_already_is_told_as_such(parley: Parley, port_offset: int) -> None:
    settings = EdgeSettings(port=0, orchestrator_target="127.0.0.1:9", voices_target="127.0.0.1:9")
    async with serving(settings, registry=CollectorRegistry()) as edge:
        ran = await parley("up", "--port", str(edge.port), "--port-offset", str(port_offset))
    assert ran.code == 1
    assert f"Parley is already running at http://127.0.0.1:{edge.port}" in ran.err


async def test_a_variable_that_does_nothing_is_pointed_out(parley: Parley) -> None:
    ran = await parley("up", PARLEY_STT_WORKER="3", PARLEY_TTS_RATE_WPM="fast", PARLEY_EDGE_PORT="many")
    assert ran.code == 1
    assert "Note: PARLEY_STT_WORKER is no setting; did you mean PARLEY_STT_POCKETSPHINX_WORKERS?" in ran.err
    assert "PARLEY_TTS_RATE_WPM=fast is not" in ran.err
    assert "PARLEY_EDGE_PORT=many is not" in ran.err


async def test_a_wrong_model_or_key_is_found_at_the_start_and_told_with_what_there_is() -> None:
    async with LlmEngine().serving() as engine:
        environ = {**os.environ, "KYUTAI_LLM_URL": engine.url, "KYUTAI_LLM_MODEL": "no-such-model"}
        model = await choose(None, environ, 8000)
        planned = plan(environ, edge_port=8000, port_offset=0, drain_limit_s=1, llm=model)
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("KYUTAI_LLM_URL", engine.url)
            patch.setenv("KYUTAI_LLM_MODEL", "no-such-model")
            [problem] = await _llm_problems(planned)
        assert "no-such-model is not one of the server's" in problem
        assert "set KYUTAI_LLM_MODEL to one that it lists: parley-standin" in problem


@pytest.mark.parametrize(
    ("given", "complaint"),
    [
        ("voice_service=2", "not of 'voice_service'"),
        ("edge", "expected a number from 1 to 64"),
        ("orchestrator=0", "expected a number from 1 to 64"),
        ("stt-proxy=x", "expected a number from 1 to 64"),
    ],
)
def test_replicas_that_cannot_be(given: str, complaint: str) -> None:
    ran = CliRunner().invoke(main, ["up", "--replicas", given])
    assert ran.exit_code == 2
    assert complaint in " ".join(ran.stderr.split())


def test_edges_that_cannot_share_a_port_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sys, "platform", "darwin")
    ran = CliRunner().invoke(main, ["up", "--replicas", "edge=2,orchestrator=2"])
    assert ran.exit_code == 2
    assert "several edges cannot share a port on this system" in " ".join(ran.stderr.split())
