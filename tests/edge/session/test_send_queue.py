import asyncio
from typing import Any

import pytest

from edge.dialects import InvalidEvent
from edge.session.send_queue import ClientTooSlow, Outgoing, SendQueue
from parley.conversation.v1.conversation_pb2 import ConverseResponse


def event(kind: str, reply_id: str = "r1", **fields: Any) -> ConverseResponse:
    return ConverseResponse(**{kind: {"reply_id": reply_id, **fields}})  # type: ignore[arg-type]  # members are messages


def audio(number: int, reply_id: str = "r1") -> ConverseResponse:
    return event("reply_audio", reply_id, audio=bytes([number]))


async def rest_of(queue: SendQueue) -> list[Outgoing]:
    queue.close()
    rest = []
    while (entry := await queue.get()) is not None:
        rest.append(entry)
    return rest


def filled(*entries: Outgoing) -> SendQueue:
    queue = SendQueue()
    for entry in entries:
        queue.put(entry)
    return queue


async def test_entries_leave_in_order() -> None:
    entries: list[Outgoing] = [event("reply_created"), audio(1), InvalidEvent("x"), audio(2)]
    assert await rest_of(filled(*entries)) == entries


async def test_getting_waits() -> None:
    queue = SendQueue()
    getting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    assert not getting.done()
    queue.put(audio(1))
    assert await getting == audio(1)


async def test_closing_ends_the_wait() -> None:
    queue = SendQueue()
    getting = asyncio.create_task(queue.get())
    await asyncio.sleep(0)
    queue.close()
    assert await getting is None


async def test_nothing_is_added_after_the_close() -> None:
    queue = filled(audio(1))
    queue.close()
    queue.put(audio(2))
    assert await rest_of(queue) == [audio(1)]


@pytest.mark.unmute("B11", "B10")
async def test_a_cancelled_reply_is_dropped() -> None:
    cancelled = event("reply_cancelled")
    speech = [
        event("reply_text_delta"),
        event("reply_text_done"),
        audio(1),
        event("reply_word_spoken"),
        event("reply_released"),
    ]
    word = ConverseResponse(user_word_recognized={"item_id": "i1", "text": "Stop"})  # type: ignore[arg-type]  # as above
    queue = filled(event("reply_created"), *speech, word, cancelled, event("reply_created", "r2"), audio(2, "r2"))
    assert await rest_of(queue) == [
        event("reply_created"),
        word,
        cancelled,
        event("reply_created", "r2"),
        audio(2, "r2"),
    ]


async def test_another_reply_is_kept() -> None:
    queue = filled(audio(1, "r1"), audio(2, "r2"), event("reply_cancelled", "r1"))
    assert await rest_of(queue) == [audio(2, "r2"), event("reply_cancelled", "r1")]


async def test_a_held_reply_waits_and_goes_on_where_it_stopped() -> None:
    queue = filled(audio(1), audio(2), event("reply_held"), audio(3), InvalidEvent("x"))
    assert await queue.get() == event("reply_held")
    assert isinstance(await queue.get(), InvalidEvent)
    queue.put(event("reply_resumed"))
    queue.put(audio(4))
    assert await rest_of(queue) == [event("reply_resumed"), audio(1), audio(2), audio(3), audio(4)]


async def test_a_held_reply_that_is_cancelled_is_dropped() -> None:
    queue = filled(audio(1), event("reply_held"), audio(2), event("reply_cancelled"))
    assert await rest_of(queue) == [event("reply_held"), event("reply_cancelled")]


async def test_what_has_been_taken_out_is_not_seen_again() -> None:
    queue = filled(audio(1), audio(2))
    assert await queue.get() == audio(1)
    queue.put(event("reply_held"))
    queue.put(event("reply_resumed"))
    assert await rest_of(queue) == [event("reply_held"), event("reply_resumed"), audio(2)]


@pytest.mark.parametrize("held", [False, True])
def test_it_is_bounded(held: bool) -> None:
    queue = SendQueue(limit=3)
    queue.put(event("reply_held") if held else InvalidEvent("x"))
    queue.put(audio(1))
    queue.put(audio(2))
    with pytest.raises(ClientTooSlow):
        queue.put(audio(3))


async def test_what_is_discarded_is_forgotten() -> None:
    queue = filled(audio(1), event("reply_held"), audio(2))
    queue.discard()
    queue.put(audio(3))
    assert await queue.get() is None
