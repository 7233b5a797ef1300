import asyncio
from typing import Any

import pytest

from edge.dialects import InvalidEvent
from edge.session.send_queue import PAUSE, PAUSE_S, ClientTooSlow, Outbox, Outgoing
from parley.conversation.v1.conversation_pb2 import ConverseResponse


def event(kind: str, reply_id: str = "r1", **fields: Any) -> ConverseResponse:
    return ConverseResponse(**{kind: {"reply_id": reply_id, **fields}})  # type: ignore[arg-type]  # members are messages


def audio(number: int, reply_id: str = "r1") -> ConverseResponse:
    return event("reply_audio", reply_id, audio=bytes([number]))


async def rest_of(outbox: Outbox) -> list[Outgoing]:
    outbox.close()
    rest = []
    while (entry := await outbox.get()) is not None:
        assert entry is not PAUSE
        rest.append(entry)
    return rest


def filled(*entries: Outgoing) -> Outbox:
    outbox = Outbox()
    for entry in entries:
        outbox.put(entry)
    return outbox


async def test_entries_leave_in_order() -> None:
    entries: list[Outgoing] = [event("reply_created"), audio(1), InvalidEvent("x"), audio(2)]
    assert await rest_of(filled(*entries)) == entries


async def test_getting_waits() -> None:
    outbox = Outbox()
    getting = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    assert not getting.done()
    outbox.put(audio(1))
    assert await getting == audio(1)


async def test_closing_ends_the_wait() -> None:
    outbox = Outbox()
    getting = asyncio.create_task(outbox.get())
    await asyncio.sleep(0)
    outbox.close()
    assert await getting is None


async def test_nothing_is_added_after_the_close() -> None:
    outbox = filled(audio(1))
    outbox.close()
    outbox.put(audio(2))
    assert await rest_of(outbox) == [audio(1)]


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
    outbox = filled(event("reply_created"), *speech, word, cancelled, event("reply_created", "r2"), audio(2, "r2"))
    assert await rest_of(outbox) == [
        event("reply_created"),
        word,
        cancelled,
        event("reply_created", "r2"),
        audio(2, "r2"),
    ]


async def test_another_reply_is_kept() -> None:
    outbox = filled(audio(1, "r1"), audio(2, "r2"), event("reply_cancelled", "r1"))
    assert await rest_of(outbox) == [audio(2, "r2"), event("reply_cancelled", "r1")]


async def test_a_held_reply_waits_and_goes_on_where_it_stopped() -> None:
    outbox = filled(audio(1), audio(2), event("reply_held"), audio(3), InvalidEvent("x"))
    assert await outbox.get() == event("reply_held")
    assert isinstance(await outbox.get(), InvalidEvent)
    outbox.put(event("reply_resumed"))
    outbox.put(audio(4))
    assert await rest_of(outbox) == [event("reply_resumed"), audio(1), audio(2), audio(3), audio(4)]


async def test_a_held_reply_that_is_cancelled_is_dropped() -> None:
    outbox = filled(audio(1), event("reply_held"), audio(2), event("reply_cancelled"))
    assert await rest_of(outbox) == [event("reply_held"), event("reply_cancelled")]


async def test_what_has_been_taken_out_is_not_seen_again() -> None:
    outbox = filled(audio(1), audio(2))
    assert await outbox.get() == audio(1)
    outbox.put(event("reply_held"))
    outbox.put(event("reply_resumed"))
    assert await rest_of(outbox) == [event("reply_held"), event("reply_resumed"), audio(2)]


@pytest.mark.parametrize("held", [False, True])
def test_it_is_bounded(held: bool) -> None:
    outbox = Outbox(limit=3)
    outbox.put(event("reply_held") if held else InvalidEvent("x"))
    outbox.put(audio(1))
    outbox.put(audio(2))
    with pytest.raises(ClientTooSlow):
        outbox.put(audio(3))


class TestPause:
    async def test_it_is_told_once_when_wanted(self) -> None:
        outbox = Outbox()
        outbox.want_pause()
        outbox.want_pause()
        assert await outbox.get() is PAUSE
        getting = asyncio.create_task(outbox.get())
        await asyncio.sleep(2 * PAUSE_S)
        outbox.put(audio(1))
        assert await getting == audio(1)

    async def test_it_begins_with_the_last_entry(self) -> None:
        outbox = filled(audio(1))
        assert await outbox.get() == audio(1)
        taken_at = asyncio.get_running_loop().time()
        outbox.want_pause()
        assert await outbox.get() is PAUSE
        assert asyncio.get_running_loop().time() >= taken_at + PAUSE_S

    async def test_an_entry_comes_first_and_begins_another(self) -> None:
        outbox = filled(audio(1))
        await outbox.get()
        outbox.want_pause()
        getting = asyncio.create_task(outbox.get())
        await asyncio.sleep(0)
        outbox.put(audio(2))
        assert await getting == audio(2)
        assert await outbox.get() is PAUSE

    async def test_wanting_it_wakes_the_reader(self) -> None:
        outbox = Outbox()
        getting = asyncio.create_task(outbox.get())
        await asyncio.sleep(0)
        outbox.want_pause()
        assert await getting is PAUSE

    async def test_the_close_comes_first(self) -> None:
        outbox = Outbox()
        outbox.want_pause()
        outbox.close()
        assert await outbox.get() is None
