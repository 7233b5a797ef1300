"""The responder as a process."""

import asyncio
import os
import re
import socket
import sys
from asyncio.subprocess import PIPE
from importlib import metadata

import httpx2

from tests.ports import free_port


async def test_serves_its_metrics_on_their_port_and_says_its_version() -> None:
    metrics_port = free_port()
    told = {"PARLEY_RESPONDER_PORT": "0", "PARLEY_RESPONDER_METRICS_PORT": str(metrics_port)}
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", "from responder.main import main; main()"), env={**os.environ, **told}, stderr=PIPE
    )
    try:
        assert process.stderr is not None
        async with asyncio.timeout(30):
            first_line = (await process.stderr.readline()).decode()
        version = metadata.version("parley")
        assert re.search(rf"serving +.*address=127\.0\.0\.1:\d+ .*version={re.escape(version)}", first_line)
        assert "http://" not in first_line, "people would take the first address for the page's"
        async with httpx2.AsyncClient(trust_env=False) as http:
            metrics = (await http.get(f"http://127.0.0.1:{metrics_port}/metrics")).text
        assert f'parley_build_info{{version="{version}"}} 1.0' in metrics
        process.terminate()
        async with asyncio.timeout(30):
            assert await process.wait() == 0
    finally:
        if process.returncode is None:
            process.kill()
        await process.communicate()


async def test_a_taken_metrics_port_is_one_line() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        told = {"PARLEY_RESPONDER_PORT": "0", "PARLEY_RESPONDER_METRICS_PORT": str(taken.getsockname()[1])}
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-c", "from responder.main import main; main()"), env={**os.environ, **told}, stderr=PIPE
        )
        _, said = await process.communicate()
    assert process.returncode == 1
    assert b"Traceback" not in said
