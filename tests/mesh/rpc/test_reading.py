import asyncio

import pytest

from mesh.rpc.reading import Reader, iterated


class Source:
    """Messages, given when the test says so."""

    def __init__(self) -> None:
        self.messages: asyncio.Queue[int | Exception | None] = asyncio.Queue()
        self.reads = 0
        self.cancelled = False

    async def read(self) -> int | None:
        self.reads += 1
        try:
            message = await self.messages.get()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        if isinstance(message, Exception):
            raise message
        return message

    def give(self, *messages: int | Exception | None) -> None:
        for message in messages:
            self.messages.put_nowait(message)


async def test_messages_come_in_order_and_then_the_end() -> None:
    source = Source()
    reader = Reader(source.read)
    source.give(1, 2, None)
    assert [message async for message in iterated(reader)] == [1, 2]
    assert await reader.next() is None
    assert source.reads == 3


async def test_nothing_is_read_before_it_is_wanted() -> None:
    source = Source()
    reader = Reader(source.read)
    source.give(1, 2)
    assert await reader.next() == 1
    await asyncio.sleep(0.01)
    assert source.messages.qsize() == 1


async def test_nothing_is_read_before_the_first_is_wanted() -> None:
    source = Source()
    Reader(source.read)
    source.give(1)
    await asyncio.sleep(0.01)
    assert source.reads == 0


async def test_a_cancelled_wait_cancels_no_read_and_loses_no_message() -> None:
    source = Source()
    reader = Reader(source.read)
    for _ in range(3):
        waiting = asyncio.ensure_future(reader.next())
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
    source.give(1, 2)
    assert [await reader.next(), await reader.next()] == [1, 2]
    assert not source.cancelled


async def test_two_may_wait_for_the_end() -> None:
    source = Source()
    reader = Reader(source.read)
    waiting = [asyncio.ensure_future(reader.next()) for _ in range(2)]
    await asyncio.sleep(0.01)
    source.give(None)
    assert await asyncio.gather(*waiting) == [None, None]


async def test_an_error_is_raised_once() -> None:
    source = Source()
    reader = Reader(source.read)
    source.give(1, OSError("lost"))
    assert await reader.next() == 1
    with pytest.raises(OSError, match="lost"):
        await reader.next()
    assert await reader.next() is None


async def test_after_closing_what_comes_is_dropped_until_the_end() -> None:
    source = Source()
    reader = Reader(source.read)
    assert reader.close() is None

    reader = Reader(source.read)
    waiting = asyncio.ensure_future(reader.next())
    await asyncio.sleep(0.01)
    waiting.cancel()
    left = reader.close()
    assert left
    assert not left.done()
    source.give(1, 2, None)
    await left
    assert source.messages.empty()

    reader = Reader(source.read)
    source.give(1, 2, OSError("lost"))
    await reader.next()
    left = reader.close()
    assert left
    await left
    assert source.messages.empty()
    assert reader.close() is None


async def test_everyone_who_waits_is_told_of_the_end() -> None:
    """A sender asks how its call has ended while the reader waits for a message."""
    source = Source()
    reader = Reader(source.read)
    waiting = [asyncio.ensure_future(reader.next()) for _ in range(2)]
    await asyncio.sleep(0)
    source.give(None)
    async with asyncio.timeout(5):
        assert await asyncio.gather(*waiting) == [None, None]
