"""A peer that leaves in the middle of a call is nothing to report as an error, whatever was going on."""

import asyncio
import logging
import random
from collections.abc import AsyncIterator
from typing import Any

import pytest
from structlog.testing import capture_logs

from mesh.rpc.channels import open_channel
from mesh.tasks import beside
from parley.tts.v1 import tts_pb2
from tests.mesh.discovery.replica import CONFIG, Request, Response, Speaker, method

STARTED = Response(started=tts_pb2.SynthesizeStarted())
LONG_WORD = Response(word=tts_pb2.WordTimed(text="x" * 5_000))


async def drain(requests: AsyncIterator[Request]) -> None:
    async for _ in requests:
        pass


class Generating(Speaker):
    """Yields its responses beside the reading of requests."""

    async def Synthesize(self, requests: AsyncIterator[Request], _context: Any) -> AsyncIterator[Response]:  # noqa: N802
        await anext(requests)
        yield STARTED
        async with beside(drain(requests)):
            while True:
                yield LONG_WORD
                await asyncio.sleep(0)


class Writing(Speaker):
    """Writes its responses, as the proxies do."""

    async def Synthesize(self, requests: AsyncIterator[Request], context: Any) -> None:  # type: ignore[override]  # noqa: N802
        await anext(requests)
        await context.write(STARTED)
        async with asyncio.TaskGroup() as tasks:
            tasks.create_task(drain(requests))
            while True:
                await context.write(LONG_WORD)
                await asyncio.sleep(0)


@pytest.mark.parametrize("speaker", [Speaker, Generating, Writing])
async def test_a_hang_up_is_one_line_at_most_and_no_error(
    speaker: type[Speaker], caplog: pytest.LogCaptureFixture
) -> None:
    dice = random.Random(1)  # noqa: S311 - the same every time
    with capture_logs() as logged, caplog.at_level(logging.WARNING):
        async with speaker().served() as server:
            for number in range(150):
                async with open_channel(server.address) as channel:
                    call = method(channel)()
                    await call.write(CONFIG)
                    if number % 3:
                        await call.read()
                    await asyncio.sleep(dice.random() * 0.01)
                    if number % 2:
                        call.cancel()
            ended = [line for line in logged if line["event"] in {"call ended", "call failed"}]
    assert [record.getMessage() for record in caplog.records] == []
    assert {line["log_level"] for line in logged} <= {"info", "debug"}
    assert len(ended) <= 150
