import asyncio

import pytest

from edge.access.openings import Openings
from mesh.errors import AtCapacity, MissingServiceAtCapacity

FULL = MissingServiceAtCapacity.of("recogniser", retry_after=7.0)


async def test_a_few_are_opened_at_a_time_in_the_order_in_which_they_came() -> None:
    openings = Openings(at_once=2)
    opened: list[int] = []
    go_on = asyncio.Event()

    async def one(number: int) -> None:
        async with openings.turn():
            opened.append(number)
            await go_on.wait()

    crowd = [asyncio.create_task(one(number)) for number in range(5)]
    await asyncio.sleep(0.01)
    assert opened == [0, 1]
    go_on.set()
    await asyncio.gather(*crowd)
    assert opened == [0, 1, 2, 3, 4]


async def test_nobody_waits_for_ever_and_who_gives_up_takes_no_turn() -> None:
    openings = Openings(at_once=1, longest_wait_s=0.01)
    async with openings.turn():
        with pytest.raises(AtCapacity) as refused:
            async with openings.turn():
                pass
    assert refused.value.retry_after == 0.01
    async with openings.turn():
        pass


async def refused(openings: Openings, *, typed: bool = False) -> AtCapacity | None:
    """The refusal of a conversation; the mesh itself is not full any more."""
    try:
        async with openings.admission(typed=typed):
            return None
    except AtCapacity as error:
        return error


async def test_a_full_mesh_is_not_asked_again_at_once() -> None:
    openings = Openings()
    with pytest.raises(MissingServiceAtCapacity):
        async with openings.admission(typed=False):
            raise FULL
    again = await refused(openings)
    assert isinstance(again, MissingServiceAtCapacity)
    assert (again.message, again.retry_after, again.service) == (FULL.message, 7.0, "recogniser")
    assert again is not FULL
    assert await refused(openings, typed=True) is None, "typing takes no recogniser"
    await asyncio.sleep(0.55)
    assert await refused(openings) is None


async def test_a_conversation_that_ends_makes_room() -> None:
    openings = Openings()
    with pytest.raises(MissingServiceAtCapacity):
        async with openings.admission(typed=False):
            raise FULL
    openings.freed()
    assert await refused(openings) is None


async def test_only_one_at_a_time_asks_a_mesh_that_was_full() -> None:
    openings = Openings()
    with pytest.raises(MissingServiceAtCapacity):
        async with openings.admission(typed=False):
            raise FULL
    await asyncio.sleep(0.55)
    async with openings.admission(typed=False):
        assert await refused(openings) is not None
    assert await refused(openings) is None


async def test_those_who_wait_learn_of_a_full_mesh_without_asking() -> None:
    openings = Openings(at_once=1)
    asked = 0

    async def one() -> None:
        nonlocal asked
        async with openings.admission(typed=False):
            asked += 1
            await asyncio.sleep(0.01)
            raise FULL

    results = await asyncio.gather(*[one() for _ in range(20)], return_exceptions=True)
    assert all(isinstance(each, MissingServiceAtCapacity) for each in results)
    assert asked == 1
