"""A process whose memory is measured: `client ADDRESS` cancels calls, `server` ends calls; each while messages arrive.

It prints, on its last line, the KiB of resident memory that a call leaves: the median of several batches, since an
allocator takes memory in leaps. A server prints its address first.
"""

import asyncio
import gc
import logging
import statistics
import sys
from collections.abc import AsyncIterator
from contextlib import suppress
from itertools import pairwise
from typing import Any

import psutil
import structlog
import uvloop

from mesh.discovery.search import Replicas, admitted
from mesh.errors import MeshError
from mesh.tasks import beside
from parley.tts.v1 import tts_pb2
from tests.mesh.discovery.replica import CONFIG, UNHURRIED, Request, Response, Speaker, method, text

BATCH, AT_ONCE = 200, 20
WARM_UP, MEASURED = 4, 5
"""Batches."""
BATCHES = WARM_UP + MEASURED
FRAME = Response(audio=tts_pb2.SynthesizedAudio(audio=bytes(3_840)))
STARTED = Response(started=tts_pb2.SynthesizeStarted())


class Streaming(Speaker):
    """Sends frames faster than they are heard, for as long as somebody listens."""

    async def Synthesize(self, requests: AsyncIterator[Request], _context: Any) -> AsyncIterator[Response]:  # noqa: N802
        await anext(requests)
        yield STARTED
        async with beside(_drained(requests)):
            while True:
                yield FRAME
                await asyncio.sleep(0.001)


class Leaving(Speaker):
    """Ends each call after 10 ms, whatever its client is sending."""

    async def Synthesize(self, requests: AsyncIterator[Request], _context: Any) -> AsyncIterator[Response]:  # noqa: N802
        await anext(requests)
        self.calls += 1
        yield STARTED
        async with beside(_drained(requests)):
            await asyncio.sleep(0.01)


async def _drained(requests: AsyncIterator[Request]) -> None:
    async for _ in requests:
        pass


async def cancelled(replicas: Replicas, number: int) -> None:
    """One call whose reader is cancelled while frames come in."""
    heard = asyncio.Event()

    async def read() -> None:
        async with admitted(replicas, method, CONFIG, UNHURRIED) as stream:
            async for _ in stream:
                heard.set()

    reading = asyncio.ensure_future(read())
    await heard.wait()
    await asyncio.wait([reading], timeout=0.005 + 0.0007 * (number % AT_ONCE))
    reading.cancel()
    with suppress(asyncio.CancelledError):
        await reading


async def left_by_the_server(replicas: Replicas) -> None:
    """One call that its server ends while it is sent frames."""
    with suppress(MeshError):
        async with admitted(replicas, method, CONFIG, UNHURRIED) as stream:
            while True:
                await stream.send(text("x" * 3_840))
                await asyncio.sleep(0.001)


def memory() -> float:
    gc.collect()
    return psutil.Process().memory_info().rss / 1024


def median_growth(kib: list[float]) -> float:
    """What each call of the measured batches has left, by the memory after each batch."""
    settled = kib[WARM_UP - 1 :]
    return statistics.median(after - before for before, after in pairwise(settled)) / BATCH


async def client(address: str) -> None:
    used = []
    async with Replicas("tts", address) as replicas:
        for _ in range(BATCHES):
            for _ in range(BATCH // AT_ONCE):
                await asyncio.gather(*(cancelled(replicas, number) for number in range(AT_ONCE)))
            used.append(memory())
    sys.stdout.write(f"{median_growth(used)}\n")


async def server() -> None:
    speaker, used = Leaving(), []
    async with speaker.served() as serving:
        sys.stdout.write(f"{serving.address}\n")
        sys.stdout.flush()
        for batch in range(1, BATCHES + 1):
            while speaker.calls < batch * BATCH:  # noqa: ASYNC110 - nothing tells of it
                await asyncio.sleep(0.005)
            used.append(memory())
    sys.stdout.write(f"{median_growth(used)}\n")


if __name__ == "__main__":
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(logging.CRITICAL))
    uvloop.run(client(sys.argv[2]) if sys.argv[1] == "client" else server())
