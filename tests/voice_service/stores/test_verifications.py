"""What every store does alike for donations."""

import asyncio
from dataclasses import replace

import pytest

from tests.voice_service.stores.conftest import Opening
from voice_service.donations.verification import Verification, VerificationStore
from voice_service.store import Retention

ADA = Verification("6f0f2b4e-5b1c-4f0b-9a55-2f6f6a3b7c10", "I agree. Naïve cafés open at dawn.", 1_790_000_000.123456)
KEPT = Retention()


def numbered(number: int) -> Verification:
    return replace(ADA, verification_id=f"verification-{number}")


async def test_a_verification_is_found_as_it_was_put_by_every_replica(opening: Opening) -> None:
    async with opening(KEPT) as one, opening(KEPT) as other:
        await one.verifications.put(ADA, 3_600)
        found = await other.verifications.get(ADA.verification_id)
        assert found
        assert found.verification == ADA
        assert 3_590 < found.time_to_live_s <= 3_600


async def test_what_is_not_there_is_neither_found_nor_taken(opening: Opening) -> None:
    async with opening(KEPT) as store:
        assert await store.verifications.get(ADA.verification_id) is None
        assert not await store.verifications.take(ADA.verification_id)


@pytest.mark.unmute("B30")
async def test_of_many_who_take_it_one_gets_it(opening: Opening) -> None:
    async with opening(KEPT) as one, opening(KEPT) as other:
        await one.verifications.put(ADA, 3_600)
        taken = await asyncio.gather(
            *((one, other)[number % 2].verifications.take(ADA.verification_id) for number in range(40))
        )
        assert sum(taken) == 1
        assert await one.verifications.get(ADA.verification_id) is None


async def test_it_is_forgotten_in_time(opening: Opening) -> None:
    async with opening(KEPT) as store:
        await store.verifications.put(ADA, 0.2)
        await store.verifications.put(numbered(1), 3_600)
        await gone(store.verifications, ADA.verification_id)
        assert not await store.verifications.take(ADA.verification_id)
        await store.purge()
        assert await store.verifications.take("verification-1")


async def gone(verifications: VerificationStore, verification_id: str) -> None:
    """Wait until it is no longer found: only time does that."""
    async with asyncio.timeout(10):
        while await verifications.get(verification_id):  # noqa: ASYNC110 - a store tells nobody
            await asyncio.sleep(0.02)


async def test_the_oldest_makes_room(opening: Opening) -> None:
    async with opening(Retention(most_verifications=3)) as store:
        for number in range(5):
            await store.verifications.put(numbered(number), 3_600)
            # The stores tell ages apart by the millisecond.
            await asyncio.sleep(0.002)
        kept = [bool(await store.verifications.get(f"verification-{number}")) for number in range(5)]
    assert kept == [False, False, True, True, True]


async def test_voices_and_verifications_do_not_make_room_for_each_other(opening: Opening) -> None:
    async with opening(Retention(most_voices=1)) as store:
        await store.verifications.put(ADA, 3_600)
        await store.verifications.put(numbered(1), 3_600)
        assert await store.verifications.get(ADA.verification_id)
