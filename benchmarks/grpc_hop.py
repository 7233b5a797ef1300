"""What a message costs on one hop of the mesh, with gRPC's older way to poll and with its own choice.

    python benchmarks/grpc_hop.py [STREAMS] [SECONDS]

Streams in both directions, 12.5 frames of 3 840 bytes a second on each, each answered by 20 bytes. CPU time of both
processes; the two ways run at the same time, so that other work on the machine harms both alike.
"""

import asyncio
import os
import random
import subprocess
import sys
import time
from typing import Any

import psutil

FRAME, ANSWER, EVERY_S = bytes(3_840), bytes(20), 0.08
WAYS = {"older": "-event_engine_client,-event_engine_listener", "own choice": ""}


async def serve() -> None:
    """Answer each message, until killed. Prints the port."""
    import grpc  # noqa: PLC0415 - the parent process only starts others

    async def answer(_request: Any, context: Any) -> None:
        while await context.read() is not grpc.aio.EOF:
            await context.write(ANSWER)

    class Handler(grpc.GenericRpcHandler):
        """Answers every method."""

        def service(self, _details: Any) -> Any:
            """The one way to answer."""
            return grpc.stream_stream_rpc_method_handler(answer)  # type: ignore[arg-type]  # the async form

    server = grpc.aio.server()
    server.add_generic_rpc_handlers((Handler(),))
    print(server.add_insecure_port("127.0.0.1:0"), flush=True)
    await server.start()
    await server.wait_for_termination()


async def call(port: int, streams: int, length_s: float) -> None:
    """Send on every stream. Prints how many messages were sent."""
    import grpc  # noqa: PLC0415 - the parent process only starts others

    ends, sent = time.monotonic() + length_s, 0

    async def one(method: Any) -> None:
        nonlocal sent
        await asyncio.sleep(random.random() * EVERY_S)  # noqa: S311 - only to spread them
        stream, due = method(), time.monotonic()
        while due < ends:
            await stream.write(FRAME)
            await stream.read()
            sent, due = sent + 1, due + EVERY_S
            await asyncio.sleep(max(0.0, due - time.monotonic()))
        stream.cancel()

    async with grpc.aio.insecure_channel(f"127.0.0.1:{port}") as channel:
        method = channel.stream_stream("/hop/Hop")
        await asyncio.gather(*(one(method) for _ in range(streams)))
    print(sent, flush=True)
    sys.stdin.readline()  # its CPU time is read before it ends


def start(way: str, *arguments: str) -> "subprocess.Popen[str]":
    """Start this script with gRPC's experiments set to `way`."""
    environment = {**os.environ, "GRPC_EXPERIMENTS": way, "GRPC_VERBOSITY": "NONE"}
    command = [sys.executable, __file__, *arguments]
    return subprocess.Popen(  # noqa: S603 - itself
        command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    )


def line(process: "subprocess.Popen[str]") -> str:
    """The next line that it prints."""
    return process.stdout.readline().strip() if process.stdout else ""


def cpu_s(process: "subprocess.Popen[str]") -> float:
    """The CPU time that it has used."""
    times = psutil.Process(process.pid).cpu_times()
    return times.user + times.system


def main(streams: int = 24, length_s: float = 10.0) -> None:
    """Measure."""
    servers = {name: start(way, "serve") for name, way in WAYS.items()}
    ports = {name: line(server) for name, server in servers.items()}
    clients = {name: start(way, "call", ports[name], str(streams), str(length_s)) for name, way in WAYS.items()}
    costs = {}
    for name, client in clients.items():
        messages = 2 * int(line(client))
        costs[name] = (cpu_s(client) + cpu_s(servers[name])) / messages * 1e6
    for name, cost in costs.items():
        print(f"{name:10} {cost:6.0f} µs a message   {cost / costs['own choice']:.2f} of its own choice")
    for process in (*clients.values(), *servers.values()):
        process.kill()


if __name__ == "__main__":
    import uvloop

    match sys.argv[1:]:
        case ["serve"]:
            uvloop.run(serve())
        case ["call", port, streams, length_s]:
            uvloop.run(call(int(port), int(streams), float(length_s)))
        case given:
            main(*(int(each) for each in given[:1]), *(float(each) for each in given[1:]))
