"""What counting costs where it happens most: a frame of audio heard, a frame spoken, an HTTP request; and a scrape.

    python benchmarks/metrics_cost.py [ROUNDS]

A frame is 80 ms. Beside each cost is the share of a core it takes: of frames for one conversation in which both sides
always talk, of scrapes at one in ten seconds. The yardstick is a round trip through a queue of asyncio, of which every
frame makes several.
"""

import asyncio
import sys
import time
from collections.abc import Callable
from typing import Any

from prometheus_client import CollectorRegistry, generate_latest

from stt_proxy.engine import Pause
from stt_proxy.metrics import Metrics as SttMetrics
from stt_proxy.metrics import StreamMeter
from tts_proxy.metrics import ReplyMeter

FRAME_S = 0.08
SCRAPED_EVERY_S = 10.0
PCM = bytes(3_840)
PAUSE = Pause(0.5, 1.0)


class Recognizer:
    """As much of one as is measured."""

    backlog_s = 0.1


def fastest_us(work: Callable[[], Any], rounds: int) -> float:
    """The best of so many rounds of a hundred, which the rest of the machine disturbed least."""
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(100):
            work()
        best = min(best, time.perf_counter() - began)
    return best * 1e6 / 100


async def queue_us(rounds: int) -> float:
    """The same of a hand-over between two tasks."""
    there: asyncio.Queue[bytes] = asyncio.Queue(1)
    back: asyncio.Queue[bytes] = asyncio.Queue(1)

    async def echo() -> None:
        while True:
            await back.put(await there.get())

    task = asyncio.create_task(echo())
    best = float("inf")
    for _ in range(rounds):
        began = time.perf_counter()
        for _ in range(100):
            await there.put(PCM)
            await back.get()
        best = min(best, time.perf_counter() - began)
    task.cancel()
    return best * 1e6 / 100


def main() -> None:
    """Measure and print."""
    rounds = int(sys.argv[1]) if len(sys.argv) > 1 else 100
    registry = CollectorRegistry()
    stream = StreamMeter(SttMetrics(registry), Recognizer())  # type: ignore[arg-type]
    reply = ReplyMeter()
    reply.text()

    def heard() -> None:
        stream.audio(PCM)
        stream.event(PAUSE)

    yardstick = asyncio.run(queue_us(rounds))
    print(f"a round trip through a queue  {yardstick:7.1f} µs")
    for name, work, every_s in (
        ("a frame heard", heard, FRAME_S),
        ("a frame spoken", lambda: reply.frame(PCM), FRAME_S),
        ("a scrape of the recogniser's", lambda: generate_latest(registry), SCRAPED_EVERY_S),
    ):
        cost = fastest_us(work, rounds)
        print(
            f"{name:29} {cost:7.1f} µs   {cost / yardstick:6.2f} round trips   {cost / every_s / 1e4:.4f} % of a core"
        )


if __name__ == "__main__":
    main()
