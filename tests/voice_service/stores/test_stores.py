"""What every store does alike."""

import asyncio

import pytest

from tests.voice_service.stores.conftest import Opening
from voice_service.store import CustomVoice, Retention, VoiceStore

ADA = CustomVoice("espeak", bytes(range(256)))
BOB = CustomVoice("moshi", b"\x83\xa4type\xa5Voice" + bytes(300_000))
HOUR = Retention()


async def gone(store: VoiceStore, voice_id: str) -> None:
    """Wait until a voice is no longer found: only time does that."""
    async with asyncio.timeout(10):
        while await store.get(voice_id):  # noqa: ASYNC110 - a store tells nobody
            await asyncio.sleep(0.02)


async def test_a_voice_is_found_as_it_was_put(opening: Opening) -> None:
    async with opening(HOUR) as store:
        await store.put("custom:1", ADA)
        await store.put("custom:2", BOB)
        first, second = await store.get("custom:1"), await store.get("custom:2")
    assert first
    assert second
    assert (first.voice, second.voice) == (ADA, BOB)
    assert 3_590 < first.time_to_live_s <= 3_600


async def test_what_is_not_there_is_not_found(opening: Opening) -> None:
    async with opening(HOUR) as store:
        assert await store.get("custom:1") is None
        assert await store.get("'; DROP TABLE voices; --") is None


async def test_replicas_share_their_voices(opening: Opening) -> None:
    async with opening(HOUR) as one, opening(HOUR) as other:
        await one.put("custom:1", ADA)
        found = await other.get("custom:1")
        assert found
        assert found.voice == ADA


async def test_voices_outlive_the_process(opening: Opening) -> None:
    async with opening(HOUR) as store:
        await store.put("custom:1", ADA)
    async with opening(HOUR) as store:
        assert await store.get("custom:1")


async def test_a_voice_is_forgotten_in_time(opening: Opening) -> None:
    async with opening(Retention(time_to_live_s=0.3)) as brief, opening(HOUR) as store:
        await brief.put("custom:1", ADA)
        await store.put("custom:2", BOB)
        assert await store.get("custom:1")
        await gone(store, "custom:1")
        await store.purge()
        assert await store.get("custom:2")


async def test_the_oldest_makes_room(opening: Opening) -> None:
    async with opening(Retention(most_voices=3)) as store:
        for number in range(5):
            await store.put(f"custom:{number}", ADA)
            # The stores tell ages apart by the millisecond.
            await asyncio.sleep(0.002)
        kept = [bool(await store.get(f"custom:{number}")) for number in range(5)]
    assert kept == [False, False, True, True, True]


async def test_many_at_once(opening: Opening) -> None:
    async with opening(HOUR) as one, opening(HOUR) as other:
        await asyncio.gather(*((one, other)[n % 2].put(f"custom:{n}", ADA) for n in range(60)))
        found = await asyncio.gather(*(one.get(f"custom:{n}") for n in range(60)))
    assert all(found)


@pytest.mark.parametrize("size", [0, 1 << 20])
async def test_embeddings_of_every_size(opening: Opening, size: int) -> None:
    voice = CustomVoice("moshi", bytes(size))
    async with opening(HOUR) as store:
        await store.put("custom:1", voice)
        found = await store.get("custom:1")
    assert found
    assert found.voice == voice
