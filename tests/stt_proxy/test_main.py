"""The proxy as a process, with the real engine."""

import asyncio
import os
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager, suppress
from pathlib import Path

import grpc
import httpx2
import pytest

from mesh.errors import AtCapacity
from mesh.rpc.channels import open_channel
from mesh.rpc.health import is_serving
from mesh.times import seconds
from parley.stt.v1.stt_pb2_grpc import SpeechToTextServiceStub
from tests.speech import say, share_of_words
from tests.stt_proxy.hearing import frames, microphone, silence
from tests.stt_proxy.proxy import LIMIT_S, audio, config, errors, finish, kinds, next_of, told

NAME = "parley.stt.v1.SpeechToTextService"
TEXT = "Can you help me find a good place to eat?"


class Process:
    """A running proxy with one recogniser."""

    def __init__(self, process: asyncio.subprocess.Process, channel: grpc.aio.Channel, metrics_port: int) -> None:
        self.process = process
        self.channel = channel
        self.metrics_port = metrics_port
        self.stub = SpeechToTextServiceStub(channel)

    def workers(self) -> list[int]:
        return [
            int(pid) for pid in Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        ]


def free_ports(count: int) -> list[int]:
    with ExitStack() as probes:
        sockets = [probes.enter_context(socket.socket()) for _ in range(count)]
        for each in sockets:
            each.bind(("127.0.0.1", 0))
        return [each.getsockname()[1] for each in sockets]


@asynccontextmanager
async def running() -> AsyncIterator[Process]:
    port, metrics_port = free_ports(2)
    told_so = {"PARLEY_STT_PORT": port, "PARLEY_STT_METRICS_PORT": metrics_port, "PARLEY_STT_POCKETSPHINX_WORKERS": 1}
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "stt_proxy",
        env=os.environ | {name: str(value) for name, value in told_so.items()},
        stderr=asyncio.subprocess.DEVNULL,
        start_new_session=True,
    )
    try:
        async with open_channel(f"127.0.0.1:{port}") as channel, asyncio.timeout(3 * LIMIT_S):
            while not await is_serving(channel, NAME, within=1.0):  # noqa: ASYNC110 - health can only be asked for
                await asyncio.sleep(0.1)
            yield Process(process, channel, metrics_port)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()


async def gone(*pids: int) -> None:
    async with asyncio.timeout(LIMIT_S):
        while any(map(exists, pids)):  # noqa: ASYNC110 - they are not our children
            await asyncio.sleep(0.02)


def exists(pid: int) -> bool:
    return Path(f"/proc/{pid}").exists()


async def test_speech_comes_back_as_words_and_one_too_many_is_refused_quickly() -> None:
    async with running() as proxy:
        call = proxy.stub.Transcribe(timeout=LIMIT_S)
        await call.write(config(base_s=3600.0))
        assert kinds([await next_of(call)]) == ["started"]

        began = time.perf_counter()
        refused = proxy.stub.Transcribe(timeout=LIMIT_S)
        await refused.write(config())
        with pytest.raises(AtCapacity) as caught:
            await told(refused)
        assert time.perf_counter() - began < 0.05
        assert caught.value.retry_after

        for frame in frames(microphone(silence(1), say(TEXT), silence(1))):
            await call.write(audio(frame))
        await call.write(finish())
        responses = await told(call)
        words = [response.word for response in responses if response.HasField("word")]
        assert share_of_words(TEXT, " ".join(word.text for word in words)) >= 0.5
        assert all(3600.9 < seconds(word.start_offset) < 3605 for word in words)
        async with httpx2.AsyncClient() as client:
            metrics = (await client.get(f"http://127.0.0.1:{proxy.metrics_port}/metrics")).text
        assert f"worker_stt_recv_words_total {len(words)}.0" in metrics
        assert "parley_stt_refusals_total 1.0" in metrics


async def test_a_stream_is_finished_before_the_process_ends() -> None:
    """Although Ctrl-C reaches the workers as well: the signal is for the whole process group."""
    async with running() as proxy:
        call = proxy.stub.Transcribe(timeout=LIMIT_S)
        await call.write(config())
        await next_of(call)
        os.killpg(proxy.process.pid, signal.SIGINT)
        while await is_serving(proxy.channel, NAME, within=1.0):  # noqa: ASYNC110 - health can only be asked for
            await asyncio.sleep(0.02)
        await call.write(audio())
        assert kinds([await next_of(call)]) == ["pause"]
        workers = proxy.workers()
        await call.write(finish())
        with errors():
            assert await told(call) == []
        assert await proxy.process.wait() == 0
        await gone(*workers)


async def test_workers_do_not_outlive_their_parent() -> None:
    async with running() as proxy:
        workers = proxy.workers()
        assert len(workers) == 1
        proxy.process.kill()
        await gone(*workers)


async def test_a_recogniser_that_is_not_installed_ends_the_process_for_good() -> None:
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c"),
        "import sys; sys.modules['pocketsphinx'] = None; import stt_proxy.main as it; it.main()",
        env=os.environ | {"PARLEY_STT_PORT": "0", "PARLEY_STT_METRICS_PORT": "0"},
        stderr=asyncio.subprocess.PIPE,
    )
    async with asyncio.timeout(LIMIT_S):
        _, said = await process.communicate()
    assert process.returncode == os.EX_CONFIG
    assert b"pocketsphinx; install them with: pip install 'parley[embedded]'" in said
    assert b"Traceback" not in said
