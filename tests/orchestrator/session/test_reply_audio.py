import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mesh.audio import SAMPLE_RATE
from orchestrator.session.reply import ReplyAudioBuffer

MINUTE = bytes(60 * 2 * SAMPLE_RATE)


@given(st.lists(st.integers(0, 40)), st.lists(st.integers(0, 60)))
def test_what_is_taken_is_what_was_put(sizes: list[int], asked: list[int]) -> None:
    everything = bytes(number % 251 for number in range(2 * sum(sizes)))

    async def fill_and_empty() -> bytes:
        speech = ReplyAudioBuffer()
        at = 0
        for size in sizes:
            await speech.put(everything[at : at + 2 * size])
            at += 2 * size
        left = sum(sizes)
        taken = b""
        for wanted in asked:
            taken += speech.take(min(wanted, left))
            left -= min(wanted, left)
        return taken + speech.take(left)

    assert asyncio.run(fill_and_empty()) == everything


async def test_more_than_there_is_cannot_be_taken() -> None:
    speech = ReplyAudioBuffer()
    await speech.put(bytes(20))
    with pytest.raises(ValueError, match="11 samples were asked for, 10 are there"):
        speech.take(11)
    assert len(speech.take(10)) == 20


async def test_whoever_puts_waits_while_a_minute_is_there() -> None:
    speech = ReplyAudioBuffer()
    await speech.put(MINUTE)
    putting = asyncio.create_task(speech.put(b"ab"))
    await asyncio.sleep(0)
    assert not putting.done()
    speech.take(1)
    async with asyncio.timeout(1):
        await putting
    assert speech.take(30 * SAMPLE_RATE) == bytes(60 * SAMPLE_RATE)


async def test_waiting_to_put_can_be_given_up_and_leaves_nothing() -> None:
    speech = ReplyAudioBuffer()
    await speech.put(MINUTE)
    putting = asyncio.create_task(speech.put(b"ab"))
    await asyncio.sleep(0)
    putting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await putting
    assert speech.take(60 * SAMPLE_RATE) == MINUTE
    with pytest.raises(ValueError, match="0 are there"):
        speech.take(1)
