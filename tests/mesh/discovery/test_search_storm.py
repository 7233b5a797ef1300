"""Whatever happens to a search, and whenever, no replica is left with a stream that nobody has."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress

from hypothesis import given, settings
from hypothesis import strategies as st

from mesh.discovery.search import Limits, Replicas, admitted
from mesh.errors import AtCapacity, InternalError, MeshError, UpstreamDown, VoiceNotFound
from tests.mesh.discovery.cluster import Cluster, Counts, cluster
from tests.mesh.discovery.replica import CONFIG, Speaker, method

SHORT = Limits(one_try=0.02, search=0.05)
STORMY = Limits(one_try=0.2, search=0.6)

MOODS = ("admits", "full", "down", "unknown voice", "bug", "silent", "late", "drains")


def take(mood: str, speaker: Speaker) -> None:
    """Make a replica behave so from now on."""
    speaker.refusal = {
        "full": AtCapacity("full"),
        "down": UpstreamDown("no engine"),
        "unknown voice": VoiceNotFound("no"),
        "bug": InternalError(),
    }.get(mood)
    if mood in {"silent", "late"}:
        speaker.admits.clear()
    else:
        speaker.admits.set()


@asynccontextmanager
async def followed() -> AsyncIterator[tuple[Cluster, Replicas]]:
    async with cluster(*[Speaker() for _ in range(3)]) as house, house.replicas() as replicas:
        await replicas.first(5.0)
        yield house, replicas


async def nothing_left(house: Cluster, replicas: Replicas) -> None:
    async with asyncio.timeout(2):
        for speaker in house.speakers:
            await speaker.idle()
    assert [each.calls for each in replicas.pool.known.values()] == [0, 0, 0]


async def converse(replicas: Replicas, held_s: float, limits: Limits) -> None:
    async with admitted(replicas, method, CONFIG, limits):
        await asyncio.sleep(held_s)


async def ended(search: "asyncio.Task[None]") -> None:
    with suppress(asyncio.CancelledError, MeshError):
        await search


@settings(max_examples=40)
@given(
    moods=st.tuples(*[st.sampled_from(MOODS[:-1])] * 3),
    admits_after=st.floats(0.0, 0.06),
    cancelled_after=st.floats(0.0, 0.08),
)
def test_no_interleaving_of_refusal_time_out_and_cancellation_leaves_a_stream(
    moods: tuple[str, str, str], admits_after: float, cancelled_after: float
) -> None:
    async def interleave() -> None:
        async with followed() as (house, replicas):
            for mood, speaker in zip(moods, house.speakers, strict=True):
                take(mood, speaker)
            search = asyncio.create_task(converse(replicas, 0.0, SHORT))
            loop = asyncio.get_running_loop()
            loop.call_later(cancelled_after, search.cancel)
            for mood, speaker in zip(moods, house.speakers, strict=True):
                if mood == "late":
                    loop.call_later(admits_after, speaker.admits.set)
            await ended(search)
            await nothing_left(house, replicas)

    asyncio.run(interleave())


def of_all_kinds(counts: Counts) -> bool:
    """Whether the storm met enough of everything. A slow machine needs more searches for that."""
    return len(counts.searches) > 100 and len(counts.refusals) > 50 and counts.failures > 50


async def test_a_storm_of_searches_leaves_nothing() -> None:
    dice = random.Random(20)  # noqa: S311 - the same storm every time
    before = asyncio.all_tasks()
    async with followed() as (house, replicas):
        live: set[asyncio.Task[None]] = set()
        for number in range(10_000):
            if number >= 400 and of_all_kinds(house.counts):
                break
            if number % 10 == 0:
                speaker = dice.choice(house.speakers)
                mood = dice.choice(MOODS)
                take(mood, speaker)
                server = house.servers[house.speakers.index(speaker)]
                await server.health.set("", serving=mood != "drains")
            search = asyncio.create_task(converse(replicas, dice.random() * 0.02, STORMY), name=f"search {number}")
            live.add(search)
            if dice.random() < 0.5:
                asyncio.get_running_loop().call_later(dice.random() * 0.2, search.cancel)
            if len(live) >= 20:
                await asyncio.wait(live, return_when=asyncio.FIRST_COMPLETED)
                live = {each for each in live if not each.done()}
        await asyncio.gather(*(ended(each) for each in live))
        assert of_all_kinds(house.counts)
        await nothing_left(house, replicas)
        for server, speaker in zip(house.servers, house.speakers, strict=True):
            take("admits", speaker)
            await server.health.set("", serving=True)
        async with admitted(replicas, method, CONFIG):
            pass
    assert {task.get_name() for task in asyncio.all_tasks() - before if task.get_name().startswith("search")} == set()
