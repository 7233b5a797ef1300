import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from orchestrator.session import wire
from orchestrator.session.send_queue import ClientNotReading, SendQueue
from parley.conversation.v1 import conversation_pb2 as pb


def news(number: int) -> pb.ConverseResponse:
    return wire.warning(str(number), "")


async def drained(queue: SendQueue) -> list[int]:
    """Close it and return the numbers of all that was left."""
    queue.close()
    left = []
    while response := await queue.get():
        left.append(int(response.warning.reason))
    return left


async def test_nothing_is_added_to_a_closed_queue() -> None:
    queue = SendQueue()
    queue.put(news(1))
    queue.close()
    queue.put(news(2))
    queue.put(news(3), "reply_1")
    assert await drained(queue) == [1]


@given(
    st.lists(st.one_of(st.sampled_from([None, "a", "b"]), st.sampled_from(["drop a", "drop b"]))),
)
def test_what_is_dropped_is_the_waiting_audio_of_that_reply_and_nothing_else(steps: list[str | None]) -> None:
    async def run() -> list[int]:
        queue = SendQueue()
        for number, step in enumerate(steps):
            if step in ("drop a", "drop b"):
                queue.drop(step[-1])
            else:
                queue.put(news(number), step)
        return await drained(queue)

    expected: list[tuple[int, str | None]] = []
    for number, step in enumerate(steps):
        if step in ("drop a", "drop b"):
            expected = [each for each in expected if each[1] != step[-1]]
        else:
            expected.append((number, step))
    assert asyncio.run(run()) == [number for number, _ in expected]


async def test_getting_waits_for_the_next_message() -> None:
    queue = SendQueue()
    getting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not getting.done()
    queue.put(news(1))
    assert await getting == news(1)


async def test_closing_ends_a_wait() -> None:
    queue = SendQueue()
    getting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.close()
    assert await getting is None


async def test_a_message_dropped_before_it_was_got_is_not_waited_on() -> None:
    queue = SendQueue()
    getting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.put(news(1), "a")
    queue.drop("a")
    queue.put(news(2))
    assert await getting == news(2)


async def test_a_client_that_lets_it_fill_is_gone() -> None:
    queue = SendQueue()
    for number in range(4_096):
        queue.put(news(number))
    with pytest.raises(ClientNotReading, match="does not read"):
        queue.put(news(4_096))
    assert len(await drained(queue)) == 4_096
