"""How long it takes to find a replica that admits, of 1, 3 and 10, and what is lost when some are dead, hung or full.

    python benchmarks/discovery_search.py [--rounds 200]

The replicas run in another process and admit at once, so figures are the search's own: on one replica it is nothing but
opening a stream and having it admitted. Searches run one after the other, so CPU is what limits them. Trust the ratios
to the first line, not the milliseconds.
"""

import argparse
import asyncio
import multiprocessing
import socket
import statistics
import time
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, contextmanager
from multiprocessing.connection import Connection
from typing import Any

import grpc
import structlog
import uvloop

from mesh.discovery.search import Replicas, admitted
from mesh.errors import AtCapacity
from mesh.rpc.server import GrpcServer
from mesh.settings import ServiceSettings
from parley.tts.v1 import tts_pb2 as pb
from parley.tts.v1 import tts_pb2_grpc as stubs

CONFIG = pb.SynthesizeRequest(config=pb.SynthesizeConfig())


class Replica(stubs.TextToSpeechServiceServicer):
    """Admits every call, or refuses every one."""

    def __init__(self, *, full: bool) -> None:
        self._full = full

    async def Synthesize(  # noqa: N802 - gRPC's name
        self, requests: AsyncIterator[pb.SynthesizeRequest], _context: object
    ) -> AsyncIterator[pb.SynthesizeResponse]:
        """Answer `started`, and wait for the end."""
        await anext(aiter(requests))
        if self._full:
            raise AtCapacity("full")
        yield pb.SynthesizeResponse(started=pb.SynthesizeStarted())
        await asyncio.Event().wait()


def replica_process(free: int, full: int, pipe: Connection) -> None:
    """Serve so many replicas until the pipe closes; their addresses go into it."""

    async def serve() -> None:
        async with AsyncExitStack() as exits:
            servers = []
            for number in range(free + full):
                add = _adder(Replica(full=number >= free))
                server = GrpcServer(ServiceSettings(), services=[], add=add)
                servers.append(await exits.enter_async_context(server))
            pipe.send([server.address for server in servers])
            await asyncio.get_running_loop().run_in_executor(None, pipe.poll, None)

    _quiet()
    uvloop.run(serve())


def _adder(replica: Replica) -> Any:
    return lambda server: stubs.add_TextToSpeechServiceServicer_to_server(replica, server)


@contextmanager
def replicas(free: int, full: int = 0) -> Iterator[list[str]]:
    """The addresses of so many replicas, which run meanwhile."""
    ours, theirs = multiprocessing.Pipe()
    spawn = multiprocessing.get_context("spawn")
    process = spawn.Process(target=replica_process, args=(free, full, theirs))
    process.start()
    try:
        yield ours.recv()
    finally:
        ours.send(None)
        process.join()


def synthesize(channel: grpc.aio.Channel) -> Any:
    """The method that is searched for."""
    return stubs.TextToSpeechServiceStub(channel).Synthesize


async def searches(addresses: list[str], rounds: int) -> list[float]:
    """Seconds that each of so many searches took, in a process that has been running for a while."""
    times = []
    async with Replicas("synthesis", ",".join(addresses)) as found:
        for number in range(rounds + 20):
            began = time.perf_counter()
            async with admitted(found, synthesize, CONFIG):
                if number >= 20:  # noqa: PLR2004 - by then everything is warm
                    times.append(time.perf_counter() - began)
    return times


async def first_search(addresses: list[str]) -> float:
    """Seconds of the first search of a process: channels are opened, and health is asked for."""
    async with Replicas("synthesis", ",".join(addresses)) as found:
        began = time.perf_counter()
        async with admitted(found, synthesize, CONFIG):
            return time.perf_counter() - began


async def measure(rounds: int) -> None:
    """Print how long searches take, and how that compares with the plainest of them."""
    with socket.socket() as unused, socket.create_server(("127.0.0.1", 0)) as silent:
        unused.bind(("127.0.0.1", 0))
        dead = "127.0.0.1:{1}".format(*unused.getsockname())
        hung = "127.0.0.1:{1}".format(*silent.getsockname())
        base: float | None = None
        for count in (1, 3, 10):
            cases = {"healthy": (count, 0, [])}
            if count > 1:
                cases["one dead"] = (count - 1, 0, [dead])
                cases["one hung"] = (count - 1, 0, [hung])
                cases["all but one full"] = (1, count - 1, [])
            for name, (free, full, others) in cases.items():
                with replicas(free, full) as addresses:
                    cold = [await first_search(addresses + others) for _ in range(5)]
                    warm = sorted(await searches(addresses + others, rounds))
                median, worst = statistics.median(warm), warm[round(0.99 * (len(warm) - 1))]
                base = base or median
                print(
                    f"{count:2} replicas, {name:16}: {median * 1000:6.2f} ms, {median / base:5.2f} times the first; "
                    f"p99 {worst * 1000:6.2f} ms; a process's first {statistics.median(cold) * 1000:6.2f} ms"
                )


def _quiet() -> None:
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))


def main() -> None:
    """Measure what the command line asks for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--rounds", type=int, default=200)
    _quiet()
    uvloop.run(measure(parser.parse_args().rounds))


if __name__ == "__main__":
    main()
