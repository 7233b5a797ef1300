"""The process: it serves, drains and ends."""

import asyncio
import os
import signal
import socket
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from pathlib import Path
from typing import Any

import grpc
from grpc_health.v1 import health_pb2, health_pb2_grpc

from mesh.errors import UpstreamDown
from parley.conversation.v1 import conversation_pb2 as pb
from tests.fakes import llm as fake_llm
from tests.fakes import stt as fake_stt
from tests.fakes import tts as fake_tts
from tests.orchestrator.caller import calling, dialled
from tests.ports import free_port

SERVING = health_pb2.HealthCheckResponse.SERVING


@asynccontextmanager
async def process(**variables: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """`python -m orchestrator`, with these variables and no others of its own."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith(("PARLEY_", "KYUTAI_"))}
    child = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "orchestrator", env={**inherited, **variables}, stderr=asyncio.subprocess.PIPE
    )
    try:
        yield child
    finally:
        if child.returncode is None:
            child.kill()
        await child.communicate()


async def until_serving(channel: grpc.aio.Channel, name: str) -> None:
    stub: Any = health_pb2_grpc.HealthStub(channel)
    async with asyncio.timeout(30):
        watching = stub.Watch(health_pb2.HealthCheckRequest(service=name), wait_for_ready=True)
        async for answer in watching:
            if answer.status == SERVING:
                return


async def test_the_process_serves_until_its_last_conversation_has_ended() -> None:
    async with AsyncExitStack() as exits:
        enter = exits.enter_async_context
        stt = await enter(fake_stt.serving(fake_stt.FakeStt()))
        tts = await enter(fake_tts.serving(fake_tts.FakeTts()))
        llm = await enter(fake_llm.serving(fake_llm.FakeLlm()))
        port = free_port()
        child = await enter(
            process(
                PARLEY_ORCHESTRATOR_PORT=str(port),
                PARLEY_ORCHESTRATOR_METRICS_PORT="0",
                PARLEY_MESH_STT_TARGET=stt.address,
                PARLEY_MESH_TTS_TARGET=tts.address,
                KYUTAI_LLM_URL=llm,
            )
        )
        channel = await enter(grpc.aio.insecure_channel(f"127.0.0.1:{port}"))
        for name in ("", "parley.conversation.v1.ConversationService", "stt", "tts", "llm"):
            await until_serving(channel, name)
        async with calling(channel) as caller:
            child.send_signal(signal.SIGTERM)
            await caller.say("Hi!")
            await caller.until("reply_finished")
            async with dialled(channel) as late:
                # It may be refused before it has said anything.
                with suppress(grpc.aio.AioRpcError):
                    await late.send(pb.ConverseRequest(config=pb.ConverseConfig()))
                assert (await late.failure()).code is UpstreamDown.default_code
            await caller.finish()
            assert (await caller.to_end())[-1] == "conversation_ended"
        async with asyncio.timeout(10):
            assert await child.wait() == 0


async def test_a_taken_port_is_one_line_in_the_log() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = str(taken.getsockname()[1])
        async with process(PARLEY_ORCHESTRATOR_PORT=port, PARLEY_ORCHESTRATOR_METRICS_PORT="0") as child:
            async with asyncio.timeout(30):
                _, log = await child.communicate()
            assert child.returncode == 1
            assert log.decode().count("\n") == 1
            assert f"port {port} on 127.0.0.1 is taken by another process" in log.decode()


async def test_a_language_model_that_cannot_be_asked_is_told_at_the_start_without_secrets() -> None:
    """A setting that does not fit on standard error, like any other; what only the machine knows in the log."""
    cases: list[tuple[dict[str, str], str]] = [
        ({"KYUTAI_LLM_URL": "me:sesame@llm:80"}, "KYUTAI_LLM_URL=***@llm:80 cannot be used: it does not begin with"),
        ({"KYUTAI_LLM_API_KEY": "sesame and more"}, "KYUTAI_LLM_API_KEY=*** cannot be used: the key holds a blank"),
        (
            {"KYUTAI_LLM_URL": "http://llm.invalid", "ALL_PROXY": "socks4://me:sesame@gate:1"},
            "the proxy of ALL_PROXY begins with socks4://",
        ),
        (
            {"KYUTAI_LLM_URL": "https://llm.invalid", "PARLEY_LLM_CA_FILE": "/nowhere/ca.pem"},
            "the certificates of PARLEY_LLM_CA_FILE cannot be read",
        ),
    ]
    for environ, why in cases:
        async with process(PARLEY_ORCHESTRATOR_METRICS_PORT="0", **environ) as child:
            async with asyncio.timeout(30):
                _, log = await child.communicate()
        assert child.returncode == 1
        assert why in log.decode()
        assert "Traceback" not in log.decode()
        assert "sesame" not in log.decode()


async def test_a_bad_text_is_one_line_in_the_log(tmp_path: Path) -> None:
    (tmp_path / "smalltalk.txt").write_text("It is {now}.\nSay {starters}.\n")
    async with process(PARLEY_CHARACTERS_FOLDER=str(tmp_path)) as child:
        async with asyncio.timeout(30):
            _, log = await child.communicate()
        assert child.returncode == 1
        assert log.decode().count("\n") == 1
        assert (
            f"{tmp_path}/smalltalk.txt:2: unknown placeholder {{starters}}: expected {{now}}, {{starter}}"
            in log.decode()
        )
