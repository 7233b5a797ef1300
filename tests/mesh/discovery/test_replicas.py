"""The replicas behind a name are followed, and so is their health."""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable
from typing import Any

import grpc
import pytest

from mesh import pool
from mesh.discovery import addresses
from mesh.discovery import replicas as replicas_module
from mesh.discovery.addresses import BadTarget
from mesh.discovery.replicas import Replica
from mesh.discovery.search import Replicas, admitted
from mesh.errors import AtCapacity, MissingServiceTimeout
from mesh.pool import Limits, Outcome, Try
from mesh.rpc.server import GrpcServer
from tests.mesh.discovery.cluster import Names, cluster
from tests.mesh.discovery.replica import CONFIG, UNHURRIED, Serve, Speaker, admit, method, nobody, silence, target

LONG_S = 5.0
PATIENT = Limits(search=2 * LONG_S, comeback=LONG_S)
REFUSED = Try(Outcome.FULL, AtCapacity("full"))


@pytest.fixture
def often(monkeypatch: pytest.MonkeyPatch) -> None:
    """Names are looked up a hundred times as often."""
    monkeypatch.setattr(addresses, "RESOLVED_FOR_S", 0.05)
    monkeypatch.setattr(addresses, "UNRESOLVED_FOR_S", 0.005)


async def eventually(condition: Callable[[], bool], step: Callable[[], Awaitable[Any]]) -> None:
    """Take steps until the condition holds."""
    async with asyncio.timeout(LONG_S):
        while not condition():
            await step()


async def until_known(replicas: Replicas, *serving: str) -> None:
    """Wait until exactly these are known to be there, and to serve."""
    async with asyncio.timeout(LONG_S):
        while {each.address for each in replicas.reachable if each.serving} != set(serving):
            await replicas.finder.changed()


async def all_chosen(replicas: Replicas) -> list[Replica]:
    """Every replica that a search would try, in its order."""
    chosen: list[Replica] = []
    search = replicas.finder.begin(PATIENT)
    while replica := await replicas.finder.choose(search):
        chosen.append(replica)
        search.not_admitted(replica, REFUSED, asyncio.get_running_loop().time())
    return chosen


# --- health -----------------------------------------------------------------------------------------------------------


async def test_what_serves_is_known_without_asking(serve: Serve) -> None:
    servers = await serve(Speaker(), Speaker(), Speaker())
    async with Replicas("tts", target(*servers)) as replicas:
        await until_known(replicas, *(server.address for server in servers))
        await servers[0].health.set("", serving=False)
        await until_known(replicas, servers[1].address, servers[2].address)
        await servers[1].__aexit__(None, None, None)
        await until_known(replicas, servers[2].address)
        assert [each.address for each in await all_chosen(replicas)] == [servers[2].address]
        await servers[0].health.set("", serving=True)
        await until_known(replicas, servers[0].address, servers[2].address)


async def test_the_first_choice_waits_for_one_that_serves_and_for_no_other(serve: Serve) -> None:
    (server,) = await serve(Speaker())
    with nobody() as dead, silence() as silent:
        async with Replicas("tts", f"{silent},{dead},{server.address}") as replicas:
            chosen = await all_chosen(replicas)
            assert [each.address for each in chosen] == [server.address, silent]
            assert chosen[1].serving is None


async def test_without_patience_nobody_is_told_at_once_and_with_it_somebody_is_awaited(serve: Serve) -> None:
    (server,) = await serve(Speaker())
    await server.health.set("", serving=False)
    async with Replicas("tts", server.address) as replicas:
        assert await replicas.first(0.0) is None
        choosing = asyncio.create_task(replicas.first(LONG_S))
        await asyncio.sleep(0)
        await server.health.set("", serving=True)
        chosen = await choosing
        assert chosen is not None
        assert chosen.address == server.address


def watchers(server: GrpcServer) -> int:
    """How many watch the health of a server."""
    counts: dict[str, int] = vars(server.health._servicer)["_watcher_count_by_service"]
    return counts.get("", 0)


async def test_each_replica_has_one_watch_whatever_is_asked_of_it(serve: Serve) -> None:
    servers = await serve(Speaker(), Speaker())
    async with Replicas("tts", target(*servers)) as replicas:
        for _ in range(20):
            async with admitted(replicas, method, CONFIG):
                pass
        await until_known(replicas, *(server.address for server in servers))
        assert [watchers(server) for server in servers] == [1, 1]
    await eventually(lambda: [watchers(server) for server in servers] == [0, 0], lambda: asyncio.sleep(0.01))


async def test_a_replica_that_restarts_is_found_again_at_once(serve: Serve) -> None:
    (server,) = await serve(Speaker())
    async with Replicas("tts", server.address) as replicas:
        async with admitted(replicas, method, CONFIG):
            await server.__aexit__(None, None, None)
        with pytest.raises(MissingServiceTimeout):
            async with admitted(replicas, method, CONFIG):
                pass
        async with Speaker().served(port=server.port):
            began = time.monotonic()
            async with asyncio.timeout(LONG_S):
                while True:
                    with contextlib.suppress(MissingServiceTimeout):
                        async with admitted(replicas, method, CONFIG):
                            break
            assert time.monotonic() - began < 3.0


# --- names ------------------------------------------------------------------------------------------------------------


async def test_a_bad_target_names_its_service() -> None:
    with pytest.raises(BadTarget, match="tts: 'nowhere' is not host:port"):
        Replicas("tts", "nowhere")


async def test_a_name_stands_for_its_addresses(serve: Serve) -> None:
    (server,) = await serve(Speaker())
    assert await admit(f"dns:///localhost:{server.port}") == f"127.0.0.1:{server.port}"


async def test_a_name_nobody_knows_is_a_missing_service() -> None:
    with pytest.raises(MissingServiceTimeout):
        await admit("nowhere.invalid:50052")


async def test_an_address_of_either_family_is_a_replica() -> None:
    four, six = Speaker(), Speaker()
    async with four.served(host="127.0.0.1") as server, six.served(host="::1", port=server.port):
        names = Names("127.0.0.1", "::1")
        async with Replicas("tts", f"tts:{server.port}", lookup=names.lookup) as replicas:
            await until_known(replicas, f"127.0.0.1:{server.port}", f"[::1]:{server.port}")
            async with admitted(replicas, method, CONFIG) as one, admitted(replicas, method, CONFIG) as other:
                assert {one.replica, other.replica} == {f"127.0.0.1:{server.port}", f"[::1]:{server.port}"}


@pytest.mark.usefixtures("often")
async def test_an_unknown_name_in_a_list_does_not_hide_the_others(serve: Serve) -> None:
    (server,) = await serve(Speaker())
    assert await admit(f"nowhere.invalid:50052,{server.address}") == server.address


@pytest.mark.usefixtures("often")
async def test_a_name_whose_addresses_change_is_followed() -> None:
    async with cluster(Speaker(), Speaker(), Speaker()) as house, house.replicas() as replicas:
        house.names.addresses = ["127.0.0.2"]
        await until_known(replicas, house.addresses[0])
        async with admitted(replicas, method, CONFIG) as old:
            house.names.addresses = ["127.0.0.3", "127.0.0.4"]
            await until_known(replicas, *house.addresses[1:])
            for _ in range(4):
                async with admitted(replicas, method, CONFIG) as stream:
                    assert stream.replica in house.addresses[1:]
            assert old.replica == house.addresses[0]
            await old.close_requests()
            assert [response async for response in old] == []


@pytest.mark.usefixtures("often")
async def test_a_replica_that_is_gone_from_the_list_is_forgotten_once_it_has_no_call(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(pool, "FORGOTTEN_AFTER_S", 0.0)
    monkeypatch.setattr(replicas_module, "FORGOTTEN_EVERY_S", 0.01)
    async with cluster(Speaker(), Speaker()) as house, house.replicas() as replicas:
        house.names.addresses = ["127.0.0.2"]
        await until_known(replicas, house.addresses[0])
        (old,) = replicas.reachable
        async with admitted(replicas, method, CONFIG):
            house.names.addresses = ["127.0.0.3"]
            await until_known(replicas, house.addresses[1])
            asked = house.names.asked
            await eventually(lambda: house.names.asked > asked + 2, lambda: asyncio.sleep(0.01))
            assert old.channel.get_state() is grpc.ChannelConnectivity.READY
        await eventually(lambda: old.address not in replicas.pool.known, lambda: asyncio.sleep(0.01))
        assert old.channel.get_state() is grpc.ChannelConnectivity.SHUTDOWN
        assert old.watching is not None
        await asyncio.wait([old.watching], timeout=LONG_S)
        assert old.watching.cancelled()


@pytest.mark.usefixtures("often")
async def test_a_replica_that_is_listed_again_keeps_its_channel() -> None:
    async with cluster(Speaker(), Speaker()) as house, house.replicas() as replicas:
        await until_known(replicas, *house.addresses)
        before = {each.address: each.channel for each in replicas.reachable}
        house.names.addresses = ["127.0.0.3"]
        await until_known(replicas, house.addresses[1])
        house.names.addresses = ["127.0.0.2", "127.0.0.3"]
        await until_known(replicas, *house.addresses)
        assert {each.address: each.channel for each in replicas.reachable} == before


@pytest.mark.usefixtures("often")
async def test_a_name_service_that_is_down_does_not_take_the_replicas_with_it() -> None:
    async with cluster(Speaker()) as house, house.replicas() as replicas:
        await until_known(replicas, house.addresses[0])
        house.names.down = True
        asked = house.names.asked
        await eventually(lambda: house.names.asked > asked + 2, lambda: asyncio.sleep(0.01))
        async with admitted(replicas, method, CONFIG) as stream:
            assert stream.replica == house.addresses[0]
        house.names.down, house.names.addresses = False, []
        await until_known(replicas)


async def test_a_slow_name_service_makes_nobody_wait_who_need_not() -> None:
    """Only the first answer is awaited; later ones are asked for beside the searches."""
    async with cluster(Speaker()) as house, house.replicas() as replicas:
        await until_known(replicas, house.addresses[0])
        house.names.answers.clear()
        async with admitted(replicas, method, CONFIG):
            pass
        assert house.counts.searches[0] < 0.2


async def test_a_crowd_of_searches_asks_the_name_service_once() -> None:
    async with cluster(Speaker(), Speaker()) as house:
        house.names.answers.clear()
        async with house.replicas() as replicas:
            searches = [asyncio.create_task(searched(replicas)) for _ in range(100)]
            await asyncio.sleep(0.05)
            house.names.answers.set()
            await asyncio.gather(*searches)
        assert house.names.asked == 1
        assert len(house.counts.searches) == 100


async def searched(replicas: Replicas) -> None:
    async with admitted(replicas, method, CONFIG, UNHURRIED):
        pass


@pytest.mark.usefixtures("often")
async def test_a_name_that_comes_up_late_is_found() -> None:
    """As when the containers of a service start after those that call it."""
    async with cluster(Speaker()) as house:
        house.names.down = True
        async with house.replicas() as replicas:
            search = asyncio.create_task(searched(replicas))
            await eventually(lambda: house.names.asked > 3, lambda: asyncio.sleep(0.01))
            house.names.down = False
            await search


# --- owning -----------------------------------------------------------------------------------------------------------


async def test_leaving_leaves_no_task_and_no_channel(serve: Serve) -> None:
    servers = await serve(Speaker(), Speaker())
    with nobody() as dead:
        before = asyncio.all_tasks()
        async with Replicas("tts", f"localhost:{servers[0].port},{target(*servers)},{dead}") as replicas:
            async with admitted(replicas, method, CONFIG):
                pass
            channels = [each.channel for each in replicas.pool.known.values()]
        assert {each.get_state() for each in channels} == {grpc.ChannelConnectivity.SHUTDOWN}
        own = [task for task in asyncio.all_tasks() - before if "mesh" in str(task.get_coro())]
        assert own == []


async def test_all_calls_to_a_replica_share_its_channel(serve: Serve) -> None:
    (server,) = await serve(Speaker())
    async with Replicas("tts", server.address) as replicas:
        first = await replicas.first(LONG_S)
        async with admitted(replicas, method, CONFIG), admitted(replicas, method, CONFIG):
            again = await replicas.first(LONG_S)
            assert again is first
            assert again is not None
            assert again.calls == 2
        assert again.calls == 0
