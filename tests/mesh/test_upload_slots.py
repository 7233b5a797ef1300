"""Places for uploads: the pace, and who gives way to whom."""

import asyncio
from collections.abc import AsyncIterator, Iterator

import pytest

from mesh import upload_slots
from mesh.errors import AtCapacity
from mesh.upload_slots import Arrival, UploadSlots, UploadTooSlow


async def trickle(piece: bytes, every_s: float) -> AsyncIterator[bytes]:
    while True:
        yield piece
        await asyncio.sleep(every_s)


async def read(arrival: Arrival, pieces: AsyncIterator[bytes]) -> None:
    async for _ in arrival.paced(pieces, len):
        pass


@pytest.fixture(autouse=True)
def hurry(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A twentieth of the usual times, and ten times the rates."""
    for name in ("ARRIVAL_LIMIT_S", "IDLE_LIMIT_S", "GRACE_S", "SETTLED_S"):
        monkeypatch.setattr(upload_slots, name, getattr(upload_slots, name) / 20)
    for name in ("LEAST_RATE", "EASY_RATE"):
        monkeypatch.setattr(upload_slots, name, getattr(upload_slots, name) * 10)
    return iter(())


@pytest.mark.parametrize(
    ("piece", "every_s"),
    [(b"", 0.01), (b"x", 0.01), (bytes(100), 0.01), (bytes(1 << 20), 5.0)],
    ids=["nothing", "a byte at a time", "below the least rate", "a long pause"],
)
async def test_what_keeps_no_pace_is_ended(piece: bytes, every_s: float) -> None:
    with UploadSlots(1).one_more() as arrival, pytest.raises(UploadTooSlow, match="expected 80 KiB a second"):
        async with asyncio.timeout(10):
            await read(arrival, trickle(piece, every_s))


async def test_the_pace_does_not_save_an_upload_without_end() -> None:
    with UploadSlots(1).one_more() as arrival, pytest.raises(UploadTooSlow, match="the end within 3 s"):
        async with asyncio.timeout(20):
            await read(arrival, trickle(bytes(1 << 14), 0.02))


async def test_an_upload_that_keeps_the_pace_ends_by_itself() -> None:
    async def pieces() -> AsyncIterator[bytes]:
        for _ in range(20):
            yield bytes(1 << 14)
            await asyncio.sleep(0.05)

    with UploadSlots(1).one_more() as arrival:
        await read(arrival, pieces())


class Crowd:
    """Uploads that go on."""

    def __init__(self, slots: UploadSlots) -> None:
        self._slots = slots
        self._tasks: dict[str, asyncio.Task[None]] = {}

    async def join(self, name: str, owner: str, pieces: AsyncIterator[bytes]) -> None:
        self._tasks[name] = asyncio.create_task(self._upload(owner, pieces), name=name)
        await asyncio.sleep(0)

    async def _upload(self, owner: str, pieces: AsyncIterator[bytes]) -> None:
        with self._slots.one_more(owner) as arrival:
            await read(arrival, pieces)

    async def ended(self) -> dict[str, str]:
        """What those say that have ended by now."""
        await asyncio.sleep(0.05)
        return {name: str(task.exception()) for name, task in self._tasks.items() if task.done()}

    async def end(self) -> None:
        for task in self._tasks.values():
            task.cancel()
        await asyncio.gather(*self._tasks.values(), return_exceptions=True)


@pytest.fixture
async def crowd() -> AsyncIterator[Crowd]:
    made = Crowd(UploadSlots(8))
    yield made
    await made.end()


FAST, SLOW = (bytes(1 << 18), 0.02), (bytes(1 << 13), 0.05)


async def test_eight_slow_ones_do_not_keep_others_out(crowd: Crowd) -> None:
    for number in range(8):
        await crowd.join(f"slow {number}", f"address {number}", trickle(*SLOW))
    await asyncio.sleep(0.15)
    await crowd.join("newcomer", "another", trickle(*FAST))
    ended = await crowd.ended()
    assert len(ended) == 1
    assert ended == dict.fromkeys(ended, "the recording came too slowly, and others were waiting")
    assert "newcomer" not in ended


async def test_the_slowest_gives_way(crowd: Crowd) -> None:
    for number in range(7):
        await crowd.join(f"slow {number}", f"address {number}", trickle(*SLOW))
    await crowd.join("slowest", "address 7", trickle(b"x", 0.02))
    await asyncio.sleep(0.15)
    await crowd.join("newcomer", "another", trickle(*FAST))
    assert list(await crowd.ended()) == ["slowest"]


async def test_a_client_with_many_gives_way_to_one_with_none_however_fast(crowd: Crowd) -> None:
    for number in range(6):
        await crowd.join(f"greedy {number}", "greedy", trickle(*FAST))
    await crowd.join("slow", "modest", trickle(*SLOW))
    await crowd.join("quick", "other", trickle(*FAST))
    await asyncio.sleep(0.15)
    await crowd.join("newcomer", "another", trickle(*FAST))
    (ended,) = await crowd.ended()
    assert ended.startswith("greedy")


async def test_who_is_quick_gives_way_to_nobody(crowd: Crowd) -> None:
    for number in range(8):
        await crowd.join(f"quick {number}", f"address {number}", trickle(*FAST))
    await asyncio.sleep(0.15)
    await crowd.join("newcomer", "another", trickle(*FAST))
    assert await crowd.ended() == {"newcomer": "too many recordings are being uploaded"}


async def test_who_has_just_begun_gives_way_to_nobody() -> None:
    slots = UploadSlots(1)
    with slots.one_more("a"), pytest.raises(AtCapacity), slots.one_more("b"):
        pass


async def test_what_has_arrived_gives_way_to_nobody() -> None:
    """It is being listened to: its work would be lost."""

    async def short() -> AsyncIterator[bytes]:
        yield b"x"

    slots = UploadSlots(1)
    with slots.one_more("a") as arrival:
        await read(arrival, short())
        await asyncio.sleep(0.15)
        with pytest.raises(AtCapacity), slots.one_more("b"):
            pass
