"""What a message costs on one hop of the mesh, by several ways to send it.

    python benchmarks/grpc_hop.py [STREAMS] [SECONDS]

Streams in both directions, 12.5 frames of 3 840 bytes a second on each, each answered by 20 bytes. The CPU time of both
processes since they were connected; all ways run at the same time, so that other work on the machine harms all alike.

    own choice       gRPC polls as it chooses
    older            it polls the older way, which the mesh has chosen
    unix socket      the same, over a Unix domain socket in place of TCP
    together, 10 ms  as "older", but the frames of all streams wait for moments of every 10 ms, and leave together
    together, 20 ms  the same, every 20 ms
"""

import asyncio
import os
import random
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import psutil

FRAME, ANSWER, EVERY_S = bytes(3_840), bytes(20), 0.08
OLDER = "-event_engine_client,-event_engine_listener"


@dataclass(frozen=True)
class Way:
    """A way to send."""

    experiments: str = OLDER
    unix: bool = False
    together_s: float = 0.0


WAYS = {
    "own choice": Way(experiments=""),
    "older": Way(),
    "unix socket": Way(unix=True),
    "together, 10 ms": Way(together_s=0.01),
    "together, 20 ms": Way(together_s=0.02),
}


async def serve(address: str) -> None:
    """Answer each message, until killed. Prints the address."""
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
    port = server.add_insecure_port(address)
    print(address.replace(":0", f":{port}"), flush=True)
    await server.start()
    await server.wait_for_termination()


async def call(address: str, streams: int, length_s: float, together_s: float) -> None:
    """Connect, and send on every stream once a line is read. Prints how many messages were sent."""
    import grpc  # noqa: PLC0415 - the parent process only starts others

    sent = 0

    async def one(method: Any, ends: float) -> None:
        nonlocal sent
        due = time.monotonic() + random.random() * EVERY_S  # noqa: S311 - only to spread them
        if together_s:
            due += together_s - due % together_s
        stream = method()
        while due < ends:
            await asyncio.sleep(max(0.0, due - time.monotonic()))
            await stream.write(FRAME)
            await stream.read()
            sent, due = sent + 1, due + EVERY_S
        stream.cancel()

    async with grpc.aio.insecure_channel(address) as channel:
        await channel.channel_ready()
        print("ready", flush=True)
        sys.stdin.readline()
        method, ends = channel.stream_stream("/hop/Hop"), time.monotonic() + length_s
        await asyncio.gather(*(one(method, ends) for _ in range(streams)))
    print(sent, flush=True)
    sys.stdin.readline()  # its CPU time is read before it ends


def start(way: Way, *arguments: str) -> "subprocess.Popen[str]":
    """Start this script with gRPC's experiments set as in `way`."""
    environment = {**os.environ, "GRPC_EXPERIMENTS": way.experiments, "GRPC_VERBOSITY": "NONE"}
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
    folder = tempfile.TemporaryDirectory()
    listen = {
        name: f"unix:{Path(folder.name) / str(number)}" if way.unix else "127.0.0.1:0"
        for number, (name, way) in enumerate(WAYS.items())
    }
    servers = {name: start(way, "serve", listen[name]) for name, way in WAYS.items()}
    addresses = {name: line(server) for name, server in servers.items()}
    clients = {
        name: start(way, "call", addresses[name], str(streams), str(length_s), str(way.together_s))
        for name, way in WAYS.items()
    }
    for client in clients.values():
        line(client)
    before = {name: cpu_s(clients[name]) + cpu_s(servers[name]) for name in WAYS}
    for client in clients.values():
        if client.stdin:
            client.stdin.write("\n")
            client.stdin.flush()
    costs = {}
    for name, client in clients.items():
        messages = 2 * int(line(client))
        costs[name] = (cpu_s(client) + cpu_s(servers[name]) - before[name]) / messages * 1e6
    for name, cost in costs.items():
        print(f"{name:15} {cost:6.0f} µs a message   {cost / costs['older']:.2f} of the older way")
    for process in (*clients.values(), *servers.values()):
        process.kill()
    folder.cleanup()


if __name__ == "__main__":
    import uvloop

    match sys.argv[1:]:
        case ["serve", address]:
            uvloop.run(serve(address))
        case ["call", address, streams, length_s, together_s]:
            uvloop.run(call(address, int(streams), float(length_s), float(together_s)))
        case given:
            main(*(int(each) for each in given[:1]), *(float(each) for each in given[1:]))
