"""Three replicas under one name: which of them a search finds, and what it costs."""

import asyncio
from collections import Counter
from contextlib import AsyncExitStack

import pytest

from mesh.discovery.search import DIRECT, Limits, Replicas, admitted
from mesh.errors import AtCapacity, MissingServiceAtCapacity, MissingServiceTimeout
from mesh.rpc.admission import half_close
from tests.mesh.discovery.cluster import Cluster, cluster
from tests.mesh.discovery.replica import CONFIG, UNHURRIED, Speaker, method, text

FULL = AtCapacity("full", retry_after=3.0)


async def find(replicas: Replicas, limits: Limits = DIRECT) -> str:
    async with admitted(replicas, method, CONFIG, limits) as stream:
        return stream.replica


async def all_known(house: Cluster, replicas: Replicas) -> None:
    """Wait until every replica's health is known."""
    async with asyncio.timeout(5):
        while {each.address for each in replicas.reachable if each.serving} != set(house.addresses):
            await replicas.finder.changed()


async def test_full_ones_are_passed_over_and_cost_no_try() -> None:
    async with cluster(Speaker(FULL), Speaker(FULL), Speaker()) as house, house.replicas() as replicas:
        for _ in range(5):
            assert await find(replicas) == house.addresses[2]
        assert house.counts.failures == 0
        assert len(house.counts.searches) == 5
        assert 0 < max(house.counts.refusals) < 0.5


async def test_one_that_was_full_is_not_asked_again_at_once() -> None:
    async with cluster(Speaker(FULL), Speaker(FULL), Speaker()) as house, house.replicas() as replicas:
        await all_known(house, replicas)
        async with AsyncExitStack() as streams:
            for _ in range(10):
                await streams.enter_async_context(admitted(replicas, method, CONFIG))
        assert [speaker.calls <= 1 for speaker in house.speakers[:2]] == [True, True]


async def test_all_full_is_said_in_time_and_when_to_come_back() -> None:
    async with cluster(*[Speaker(FULL) for _ in range(3)]) as house, house.replicas() as replicas:
        await all_known(house, replicas)
        # A try may last 5 s here: a refusal leads on at once.
        async with asyncio.timeout(1.5):
            with pytest.raises(MissingServiceAtCapacity) as caught:
                await find(replicas, UNHURRIED)
        assert (caught.value.service, caught.value.retry_after) == ("tts", 3.0)
        assert [speaker.calls for speaker in house.speakers] == [1, 1, 1]
        assert (house.counts.failures, house.counts.misses) == (0, 1)


async def test_all_dead_is_said_in_time() -> None:
    async with cluster(*[Speaker() for _ in range(3)]) as house, house.replicas() as replicas:
        await all_known(house, replicas)
        for server in house.servers:
            await server.__aexit__(None, None, None)
        async with asyncio.timeout(1.5):
            with pytest.raises(MissingServiceTimeout):
                await find(replicas)
        assert house.counts.misses == 1


async def test_a_draining_one_costs_no_try_and_finishes_its_streams() -> None:
    async with (
        cluster(*[Speaker() for _ in range(3)]) as house,
        house.replicas() as replicas,
        admitted(replicas, method, CONFIG) as old,
    ):
        (draining,) = [server for server in house.servers if server.address == old.replica]
        await draining._refuse_calls()
        found = {await find(replicas) for _ in range(20)}
        assert found == set(house.addresses) - {draining.address}
        assert (house.counts.failures, house.counts.refusals) == (0, [])
        await old.send(text("still here"))
        assert (await anext(aiter(old))).word.text == "still here"
        await half_close(old._call)
        assert [response async for response in old] == []


async def test_one_that_hangs_costs_one_try_of_one_search() -> None:
    hanging = Speaker()
    hanging.admits.clear()
    async with cluster(hanging, Speaker(), Speaker()) as house, house.replicas() as replicas:
        await all_known(house, replicas)
        found = Counter([await find(replicas) for _ in range(30)])
        assert set(found) == set(house.addresses[1:])
        assert hanging.calls == house.counts.failures == 1
        assert [0.4 < each < 1.4 for each in house.counts.searches].count(True) == 1
        await house.no_call_left()
        hanging.admits.set()
        await used_again(house.addresses[0], replicas)


async def test_one_that_comes_back_is_used_again() -> None:
    async with cluster(*[Speaker() for _ in range(3)]) as house, house.replicas() as replicas:
        await all_known(house, replicas)
        await house.servers[0].__aexit__(None, None, None)
        assert house.addresses[0] not in {await find(replicas) for _ in range(10)}
        async with Speaker().served(host="127.0.0.2", port=house.servers[0].port):
            await used_again(house.addresses[0], replicas)
        assert house.counts.misses == 0


async def used_again(address: str, replicas: Replicas) -> None:
    async with asyncio.timeout(5):
        while await find(replicas) != address:
            pass


@pytest.mark.parametrize("at_once", [True, False], ids=["at once", "one by one"])
async def test_the_load_is_spread_evenly(*, at_once: bool) -> None:
    async with cluster(*[Speaker() for _ in range(3)]) as house, house.replicas() as replicas:
        await all_known(house, replicas)
        async with AsyncExitStack() as streams:
            entering = [streams.enter_async_context(admitted(replicas, method, CONFIG)) for _ in range(60)]
            if at_once:
                await asyncio.gather(*entering)
            else:
                for each in entering:
                    await each
            assert [speaker.live for speaker in house.speakers] == [20, 20, 20]


async def test_short_calls_are_spread_too() -> None:
    async with cluster(*[Speaker() for _ in range(3)]) as house, house.replicas() as replicas:
        await all_known(house, replicas)
        found = Counter([await find(replicas) for _ in range(90)])
        assert len(found) == 3
        assert min(found.values()) > 10


async def test_two_callers_do_not_both_begin_with_the_same() -> None:
    async with cluster(*[Speaker() for _ in range(3)]) as house:
        for _ in range(20):
            async with house.replicas() as replicas:
                await all_known(house, replicas)
                await find(replicas)
        assert min(speaker.calls for speaker in house.speakers) > 0


async def test_a_crowd_finds_the_one_that_is_free() -> None:
    """However many search at once, and whatever each of them learns on the way."""
    async with cluster(Speaker(FULL), Speaker(), Speaker(FULL)) as house, house.replicas() as replicas:
        await all_known(house, replicas)
        assert set(await asyncio.gather(*(find(replicas, UNHURRIED) for _ in range(100)))) == {house.addresses[1]}
        assert (house.counts.failures, house.counts.misses) == (0, 0)
        await house.no_call_left()
        assert [each.calls for each in replicas.reachable] == [0, 0, 0]
