"""What a session costs the stand-ins, in CPU-seconds a minute.

    python benchmarks/standins_cpu.py [--sessions 10 100] [--seconds 10]

The stand-ins run as one process (`parley fake-engines`), whose CPU time the kernel counts; the clients, here, are not
counted. A session sends a microphone's frames all the time and has a reply of 25 words written and spoken every 15 s.
"""

import argparse
import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from pathlib import Path

import httpx2
import msgpack
import uvloop
from websockets.asyncio.client import connect

KEY = {"kyutai-api-key": "public_token"}
FRAME_S = 0.08
TURN_S = 15.0
FRAME = msgpack.packb({"type": "Audio", "pcm": [0.1, -0.1] * 960}, use_single_float=True)
WORD = msgpack.packb({"type": "Text", "text": "word"})
EOS = msgpack.packb({"type": "Eos"})
ASKED = {"model": "parley-standin", "stream": True, "messages": [{"role": "user", "content": "Hello"}]}


async def listen(url: str) -> None:
    """Send a frame every 80 ms, and read what is recognised."""
    async with connect(f"{url}/api/asr-streaming", additional_headers=KEY, compression=None) as socket:
        reading = asyncio.create_task(_read(socket))
        due = asyncio.get_running_loop().time()
        try:
            while True:
                await socket.send(FRAME)
                due += FRAME_S
                await asyncio.sleep(due - asyncio.get_running_loop().time())
        finally:
            reading.cancel()


async def _read(messages: object) -> None:
    async for _ in messages:  # type: ignore[attr-defined]
        pass


async def reply(llm: str, tts: str, http: httpx2.AsyncClient) -> None:
    """Have a reply written, and spoken."""
    async with http.stream("POST", f"{llm}/v1/chat/completions", json=ASKED) as answer:
        await _read(answer.aiter_bytes())
    url = f"{tts}/api/tts_streaming?format=PcmMessagePack"
    async with connect(url, additional_headers=KEY, compression=None) as socket:
        for _ in range(25):
            await socket.send(WORD)
        await socket.send(EOS)
        await _read(socket)


async def talk(urls: dict[str, str], http: httpx2.AsyncClient, after_s: float) -> None:
    """One session, whose first reply comes after so long."""
    async with asyncio.TaskGroup() as tasks:
        tasks.create_task(listen(urls["KYUTAI_STT_URL"]))
        await asyncio.sleep(after_s)
        while True:
            tasks.create_task(reply(urls["KYUTAI_LLM_URL"], urls["KYUTAI_TTS_URL"], http))
            await asyncio.sleep(TURN_S)


def cpu_s(pid: int) -> float:
    """What a process has used so far."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def measure(sessions: int, seconds: float) -> None:
    """Let so many sessions talk for so long, and print what they cost."""
    ports = [f"--{engine}-port=0" for engine in ("stt", "tts", "llm", "cloning")]
    slots = [f"--set={engine}:slots={sessions}" for engine in ("stt", "tts")]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", "from launcher.main import main; main()", "fake-engines", *ports, *slots, stdout=PIPE
    )
    assert process.stdout  # noqa: S101 - a pipe was asked for
    lines = [(await process.stdout.readline()).decode() for _ in range(4)]
    urls = dict(line.removeprefix("export ").strip().split("=", 1) for line in lines)
    limits = httpx2.Limits(max_connections=sessions + 1)
    async with httpx2.AsyncClient(limits=limits, timeout=60) as http:
        talking = [asyncio.create_task(talk(urls, http, TURN_S * number / sessions)) for number in range(sessions)]
        await asyncio.sleep(2)
        before = cpu_s(process.pid)
        await asyncio.sleep(seconds)
        used = cpu_s(process.pid) - before
        failed = [task.exception() for task in talking if task.done()]
        for task in talking:
            task.cancel()
        await asyncio.gather(*talking, return_exceptions=True)
    process.terminate()
    await process.wait()
    print(
        f"{sessions:4} sessions: {used * 60 / seconds / sessions:.3f} CPU-seconds a session-minute, "
        f"{used / seconds:.0%} of a core" + (f"; {len(failed)} sessions failed: {failed[0]!r}" if failed else "")
    )


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sessions", type=int, nargs="+", default=[10, 100])
    parser.add_argument("--seconds", type=float, default=10.0)
    wanted = parser.parse_args()
    for sessions in wanted.sessions:
        uvloop.run(measure(sessions, wanted.seconds))


if __name__ == "__main__":
    main()
