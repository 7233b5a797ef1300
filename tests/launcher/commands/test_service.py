import asyncio
import os
import signal
import socket
import sys
from asyncio.subprocess import PIPE

import pytest
from click.testing import CliRunner

from launcher.main import main
from launcher.processes import PROCESSES, Process
from launcher.running.probes import http_json
from mesh.settings import describe


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_help_lists_the_settings(process: Process) -> None:
    ran = CliRunner().invoke(main, [process.name, "--help"], catch_exceptions=False)
    assert ran.exit_code == 0
    assert process.purpose in ran.stdout
    for setting in describe(process.settings_type):
        assert setting.env[0] in ran.stdout


def test_a_setting_that_does_not_fit_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PARLEY_RESPONDER_PORT", "many")
    ran = CliRunner().invoke(main, ["responder"])
    assert ran.exit_code == 1
    assert "PARLEY_RESPONDER_PORT=many is not a whole number" in ran.stderr
    assert "parley config responder" in ran.stderr


async def test_a_process_runs_until_it_is_asked_to_stop() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from launcher.main import main; main()", "responder"),
        env={**os.environ, "PARLEY_RESPONDER_PORT": str(port)},
        stderr=PIPE,
    )
    assert process.stderr is not None
    while b"serving" not in await process.stderr.readline():
        pass
    assert await http_json("127.0.0.1", port, "/v1/models") is not None
    process.send_signal(signal.SIGINT)
    await process.stderr.read()
    assert await process.wait() == 0
