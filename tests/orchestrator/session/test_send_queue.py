import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mesh.errors import Idle
from orchestrator.session import wire
from orchestrator.session.send_queue import SendQueue
from parley.conversation.v1 import conversation_pb2 as pb


def news(number: int) -> pb.ConverseResponse:
    return wire.warning(str(number), "")


async def drained(outbox: SendQueue) -> list[int]:
    """Close it and return the numbers of all that was left."""
    outbox.close()
    left = []
    while response := await outbox.get():
        left.append(int(response.warning.reason))
    return left


@settings(deadline=None)
@given(
    st.lists(st.one_of(st.sampled_from([None, "a", "b"]), st.sampled_from(["drop a", "drop b"]))),
)
def test_what_is_dropped_is_the_waiting_audio_of_that_reply_and_nothing_else(steps: list[str | None]) -> None:
    async def run() -> list[int]:
        outbox = SendQueue()
        for number, step in enumerate(steps):
            if step in ("drop a", "drop b"):
                outbox.drop(step[-1])
            else:
                outbox.put(news(number), step)
        return await drained(outbox)

    expected: list[tuple[int, str | None]] = []
    for number, step in enumerate(steps):
        if step in ("drop a", "drop b"):
            expected = [each for each in expected if each[1] != step[-1]]
        else:
            expected.append((number, step))
    assert asyncio.run(run()) == [number for number, _ in expected]


async def test_getting_waits_for_the_next_message() -> None:
    outbox = SendQueue()
    getting = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    assert not getting.done()
    outbox.put(news(1))
    assert await getting == news(1)


async def test_closing_ends_a_wait() -> None:
    outbox = SendQueue()
    getting = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    outbox.close()
    assert await getting is None


async def test_a_message_dropped_before_it_was_got_is_not_waited_on() -> None:
    outbox = SendQueue()
    getting = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    outbox.put(news(1), "a")
    outbox.drop("a")
    outbox.put(news(2))
    assert await getting == news(2)


async def test_a_client_that_lets_it_fill_is_gone() -> None:
    outbox = SendQueue()
    for number in range(4_096):
        outbox.put(news(number))
    with pytest.raises(Idle, match="does not read"):
        outbox.put(news(4_096))
    assert len(await drained(outbox)) == 4_096
