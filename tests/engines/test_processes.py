"""The proxies as processes, in front of engines that come and go."""

import asyncio
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

import grpc
import pytest

from mesh.discovery.search import Replicas, any_serving
from mesh.rpc.channels import open_channel
from mesh.rpc.health import is_serving
from tests.engines.callers import opened, patient
from tests.moshi_client.models import recognising, speaking
from tests.moshi_client.server import MoshiServer
from tests.stt_proxy.test_main import free_ports

LIMIT_S = 20.0


@asynccontextmanager
async def process(module: str, **environ: str) -> AsyncIterator[asyncio.subprocess.Process]:
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("PARLEY_", "KYUTAI_"))}
    started = await asyncio.create_subprocess_exec(
        sys.executable, "-m", module, env=clean | environ, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield started
    finally:
        with suppress(ProcessLookupError):
            started.kill()
        await started.communicate()


async def until_serving(channel: grpc.aio.Channel, *, serving: bool) -> None:
    async with asyncio.timeout(LIMIT_S):
        while await is_serving(channel, within=1.0) is not serving:  # noqa: ASYNC110 - health can only be asked for
            await asyncio.sleep(0.05)


@pytest.mark.parametrize("hears", [True, False], ids=["stt", "tts"])
async def test_a_proxy_serves_while_its_engine_answers(hears: bool) -> None:
    name = "STT" if hears else "TTS"
    path = "/api/asr-streaming" if hears else "/api/tts_streaming"
    engine_port, port = free_ports(2)
    environ = {
        f"KYUTAI_{name}_URL": f"http://127.0.0.1:{engine_port}",
        f"PARLEY_{name}_PORT": str(port),
        f"PARLEY_{name}_METRICS_PORT": "0",
    }
    address = f"127.0.0.1:{port}"
    async with process(f"{name.lower()}_proxy", **environ), open_channel(address) as channel:
        await channel.channel_ready()
        await until_serving(channel, serving=False)
        async with Replicas("speech", address) as replicas:
            assert not await any_serving(replicas)
        engine = MoshiServer(recognising if hears else speaking, port=engine_port, path=path)
        await engine.start()
        await until_serving(channel, serving=True)
        kinds = await patient(*opened(channel, channel, hears=hears))
        assert kinds[0] == "started"
        assert ("flushed" if hears else "finished") in kinds
        await engine.until(lambda: engine.used == 0)
        await engine.kill()
        await until_serving(channel, serving=False)


@pytest.mark.parametrize("module", ["stt_proxy", "tts_proxy"])
async def test_a_url_that_is_none_ends_the_process_and_is_named(module: str) -> None:
    environ = {"KYUTAI_STT_URL": "stt:8090", "KYUTAI_TTS_URL": "stt:8090"}
    async with process(module, **environ) as started:
        async with asyncio.timeout(LIMIT_S):
            _, said = await started.communicate()
        assert started.returncode == 1
        assert b"'stt:8090' is not http(s)://host:port" in said
        assert b"Traceback" not in said
