"""What the messages of a client cost the edge before anything is done with them, and with their Opus.

    python -m benchmarks.client_messages [CLIENTS] [SECONDS]

A server reads 25 text messages a second from each client over a WebSocket, in two ways that run at the same time:

    read           it does nothing with them
    with its Opus  40 ms of Ogg Opus are taken out of the JSON, decoded and cut into frames

Prints the CPU time of the server for a message, and for a minute of one session.
"""

import asyncio
import base64
import random
import socket
import subprocess
import sys
import time
from collections.abc import Awaitable, Callable
from typing import Any

import psutil
import uvicorn
import uvloop
from websockets.asyncio.client import connect

from edge.dialects.unmute.dialect import UnmuteDialect
from edge.http.connections import WebSocketConnection
from loadtest.opus_stream import OggOpusWriter
from loadtest.speech import PACKET_S, opus_voice, questions

WAYS = ("read", "with its Opus")


async def serve(way: str) -> None:
    """Read from clients until killed. Prints the port."""

    async def app(scope: Any, receive: Callable[[], Awaitable[Any]], send: Callable[[Any], Awaitable[None]]) -> None:
        del scope
        dialect = UnmuteDialect(lambda _: None, call_later=lambda _seconds, _function: None)
        clock = asyncio.get_running_loop().time
        await receive()
        await send({"type": "websocket.accept"})
        while (event := await receive())["type"] == "websocket.receive":
            if way == WAYS[1]:
                for _ in dialect.requests(event["text"], clock()):
                    pass

    listener = socket.create_server(("127.0.0.1", 0))
    print(listener.getsockname()[1], flush=True)
    config = uvicorn.Config(
        app, ws=WebSocketConnection, ws_per_message_deflate=False, lifespan="off", log_config=None, access_log=False
    )
    await uvicorn.Server(config).serve([listener])


def cpu_s(process: "subprocess.Popen[str]") -> float:
    """The CPU time that it has used."""
    times = psutil.Process(process.pid).cpu_times()
    return times.user + times.system


async def measure(clients: int, length_s: float) -> None:
    """Have clients send to both servers."""
    frames = [frame for utterance in opus_voice(questions()).utterances for frame in utterance.frames]
    servers = {
        way: subprocess.Popen(  # noqa: ASYNC220, S603 - itself, before anything is measured
            [sys.executable, "-m", "benchmarks.client_messages", "serve", way], stdout=subprocess.PIPE, text=True
        )
        for way in WAYS
    }
    ports = {way: server.stdout.readline().strip() for way, server in servers.items() if server.stdout}
    sent = dict.fromkeys(WAYS, 0)

    async def client(way: str, ready: asyncio.Barrier, begin: asyncio.Event) -> None:
        writer = OggOpusWriter()
        async with connect(f"ws://127.0.0.1:{ports[way]}/", compression=None, proxy=None) as websocket:
            await ready.wait()
            await begin.wait()
            ends = time.monotonic() + length_s
            due = time.monotonic() + random.random() * PACKET_S  # noqa: S311 - only to spread them
            number = 0
            while due < ends:
                await asyncio.sleep(max(0.0, due - time.monotonic()))
                audio = base64.b64encode(writer.page(frames[number % len(frames)])).decode()
                await websocket.send(f'{{"type":"input_audio_buffer.append","audio":"{audio}"}}')
                number, due = number + 1, due + PACKET_S
            sent[way] += number

    ready, begin = asyncio.Barrier(clients * len(WAYS) + 1), asyncio.Event()
    async with asyncio.TaskGroup() as tasks:
        for way in WAYS:
            for _ in range(clients):
                tasks.create_task(client(way, ready, begin))
        await ready.wait()
        before = {way: cpu_s(server) for way, server in servers.items()}
        begin.set()
    for way, server in servers.items():
        cost_s = (cpu_s(server) - before[way]) / sent[way]
        print(f"{way:14} {1e6 * cost_s:4.0f} µs a message   {60 / PACKET_S * cost_s:.2f} CPU-s a session-minute")
        server.kill()


if __name__ == "__main__":
    match sys.argv[1:]:
        case ["serve", way]:
            uvloop.run(serve(way))
        case given:
            clients, length_s, *_ = [*map(float, given), *(24, 8.0)[len(given) :]]
            uvloop.run(measure(int(clients), length_s))
