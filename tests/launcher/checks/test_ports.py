import os
import socket

from launcher.checks.mesh import mesh, ports
from mesh.engines.findings import State
from tests.launcher.checks.conftest import Look


async def test_a_port_that_somebody_has(context: Look) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        findings = await ports(await context(PARLEY_STT_PORT=str(port)))
    [fault] = [finding for finding in findings if finding.about == str(port)]
    assert fault.state is State.WRONG
    assert f"process {os.getpid()}, and the stt-proxy wants it" in fault.found
    assert fault.remedy == "stop that, or use --port-offset"


async def test_a_mesh_that_does_not_run_has_no_health(context: Look) -> None:
    assert await mesh(await context()) == []
