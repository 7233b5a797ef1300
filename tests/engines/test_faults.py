"""Every fault that the stand-ins know: the stream ends with its reason, its slot is free, and the next stream works."""

import asyncio
from contextlib import AsyncExitStack
from typing import Any

import pytest
from structlog.testing import capture_logs

from mesh.errors import AtCapacity, MeshError, UpstreamDown
from mesh.rpc.channels import open_channel
from standins.faults import KINDS, StopsReading, name
from standins.stt.engine import SttEngine
from standins.tts.engine import TtsEngine
from tests.engines.callers import opened, patient
from tests.engines.proxies import proxies_before

FAULTS = [name(kind) for kind in KINDS if kind is not StopsReading]
"""A deaf engine does not read, so it cannot know who has gone: its slot is its own affair."""


async def failure(call: Any, requests: list[Any]) -> MeshError | None:
    """How a stream went wrong; None: it did not."""
    try:
        await patient(call, requests)
    except MeshError as error:
        return error
    return None


@pytest.mark.unmute("B7", "B24")
@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("hears", [True, False], ids=["stt", "tts"])
async def test_a_fault_hurts_no_other_stream(fault: str, hears: bool) -> None:
    async with AsyncExitStack() as exits:
        logged = exits.enter_context(capture_logs())
        enter = exits.enter_async_context
        stt, tts = await enter(SttEngine().serving()), await enter(TtsEngine().serving())
        engine: SttEngine | TtsEngine = stt if hears else tts
        if fault not in [name(kind) for kind in engine.fault_kinds]:
            pytest.skip("this engine has no such fault")
        proxies = await enter(proxies_before([stt], [tts]))
        channels = [await enter(open_channel(each.address)) for each in (proxies.stt, proxies.tts)]
        engine.break_down(fault)
        call, requests = opened(channels[0], channels[1], hears=hears, timeout=3)
        said = await failure(call, requests)
        assert isinstance(said, AtCapacity) is (fault == "full")
        call.cancel()
        engine.recover()
        await engine.slots.until_free()
        async with asyncio.timeout(10):
            while True:
                try:
                    kinds = await patient(*opened(channels[0], channels[1], hears=hears))
                    break
                except UpstreamDown:
                    await asyncio.sleep(0.05)
        assert ("flushed" if hears else "finished") in kinds
        await engine.slots.until_free()
        assert [line for line in logged if line["log_level"] == "error"] == []
