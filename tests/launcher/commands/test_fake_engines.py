import asyncio
import re
import signal
import sys
from asyncio.subprocess import PIPE, Process
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import httpx2
import pytest
from click.testing import CliRunner
from websockets.asyncio.client import connect

from launcher.main import main

ANYWHERE = ("--stt-port=0", "--tts-port=0", "--llm-port=0", "--cloning-port=0")


@asynccontextmanager
async def running(*options: str) -> AsyncIterator[tuple[Process, dict[str, str]]]:
    """The command as a process, and the variables it prints."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from launcher.main import main; main()", "fake-engines", *options, stdout=PIPE
    )
    assert process.stdout
    try:
        lines = [(await process.stdout.readline()).decode() for _ in range(4)]
        variables = [re.fullmatch(r"export (KYUTAI_\w+_URL)=(\S+)\n", line) for line in lines]
        yield process, {match[1]: match[2] for match in variables if match}
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


async def test_it_prints_where_the_engines_are_and_ends_on_ctrl_c() -> None:
    options = (
        "--set",
        "stt:slots=2",
        "--fault",
        "stt:full",
        "--hear",
        "hello",
        "--reply",
        "Hi.",
        "--set",
        "llm:models=a,b",
    )
    async with running(*ANYWHERE, *options) as (process, urls), httpx2.AsyncClient() as http:
        assert list(urls) == ["KYUTAI_STT_URL", "KYUTAI_TTS_URL", "KYUTAI_VOICE_CLONING_URL", "KYUTAI_LLM_URL"]
        stt = (await http.get(urls["KYUTAI_STT_URL"].replace("ws", "http") + "/standin")).json()
        assert stt["slots"]["capacity"] == 2
        assert stt["options"]["script"] == ["hello"]
        assert [fault["kind"] for fault in stt["faults"]] == ["full"]
        llm = (await http.get(urls["KYUTAI_LLM_URL"] + "/standin")).json()
        assert llm["options"]["replies"] == ["Hi."]
        assert llm["options"]["models"] == ["a", "b"]
        headers = {"kyutai-api-key": "public_token"}
        async with connect(urls["KYUTAI_STT_URL"] + "/api/asr-streaming", additional_headers=headers) as full:
            assert b"no free channels" in await full.recv(decode=False)
        async with connect(
            urls["KYUTAI_TTS_URL"] + "/api/tts_streaming?format=PcmMessagePack", additional_headers=headers
        ) as ready:
            assert b"Ready" in await ready.recv(decode=False)
        process.send_signal(signal.SIGINT)
        assert await process.wait() == 0


async def test_replicas_share_a_port_on_addresses_in_a_row() -> None:
    async with running(
        "--replicas=3",
        "--host=127.0.0.2",
        *(
            f"--{kind}-port={port}"
            for kind, port in zip(("stt", "tts", "llm", "cloning"), range(14_490, 14_494), strict=True)
        ),
    ) as (_, urls):
        assert urls["KYUTAI_STT_URL"].split(",") == [f"ws://127.0.0.{last}:14490" for last in (2, 3, 4)]
        assert urls["KYUTAI_LLM_URL"] == "http://127.0.0.2:14492"


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--set", "sst:slots=1"], "stt, tts, cloning, llm"),
        (["--set", "stt:slotz=1"], "slotz"),
        (["--set", "stt:slots=many"], "slots"),
        (["--fault", "tts:fulll"], "Faults are: full"),
        (["--fault", "cloning:full"], "no fault of this engine"),
        (["--host", "localhost", "--replicas", "2"], "IP address"),
    ],
)
def test_what_does_not_fit_is_told(options: list[str], expected: str) -> None:
    result = CliRunner().invoke(main, ["fake-engines", *ANYWHERE, *options])
    assert result.exit_code == 2
    assert expected in result.output


def test_a_taken_port_is_told() -> None:
    result = CliRunner().invoke(main, ["fake-engines", "--host", "192.0.2.1"])
    assert result.exit_code == 1
    assert "--host" in result.output


def test_help_lists_faults() -> None:
    assert "close:after=5,how=code,code=1011" in CliRunner().invoke(main, ["fake-engines", "--help"]).output
