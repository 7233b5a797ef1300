import asyncio
import os
import signal
import socket
import subprocess
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


@pytest.mark.parametrize("process", PROCESSES, ids=lambda process: process.name)
def test_a_setting_that_does_not_fit_is_told_however_the_process_is_started(process: Process) -> None:
    variable = describe(process.settings_type)[1].env[0]
    said = []
    for command in ("-m", process.package), ("-c", "from launcher.main import main; main()", process.name):
        ran = subprocess.run(  # noqa: S603 - our own code
            [sys.executable, *command],
            env={**os.environ, variable: "many", "PARLEY_LOG_LEVEL": "loud"},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )
        assert ran.returncode == 1
        said.append(ran.stderr)
    assert said[0] == said[1]
    assert f"{variable}=many is not a whole number" in said[0]
    assert "PARLEY_LOG_LEVEL=loud is not one of" in said[0]
    assert said[0].endswith(f"Every setting is listed by: parley config {process.name}\n")


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
