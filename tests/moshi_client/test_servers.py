import asyncio
import http
import socket
from collections.abc import AsyncIterator, Iterable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

import pytest
from prometheus_client import CollectorRegistry

from mesh.discovery import addresses
from mesh.discovery.addresses import HostPort, Lookup
from mesh.engines import upstreams
from mesh.engines.lease_metrics import LeaseMetrics
from mesh.engines.server_urls import parse_urls
from mesh.errors import AtCapacity, MeshError, UpstreamDown, UpstreamMisconfigured, VoiceNotFound
from mesh.pool import Options
from moshi_client import servers as moshi_servers
from moshi_client.connection import Call, Closed
from moshi_client.messages import FromRecogniser, Marker, from_recogniser
from moshi_client.servers import MoshiServers
from tests.moshi_client import server as moshi
from tests.moshi_client.server import KEY, READY, MoshiServer, Stream, idle, packed, running, saying, silent

PATH = "/api/asr-streaming"
CALL: Call[FromRecogniser] = Call(PATH, from_recogniser, KEY)
LIMIT_S = 5.0


class Opened:
    def __init__(self, servers: MoshiServers, registry: CollectorRegistry) -> None:
        self.upstreams = servers.upstreams
        self.lease = servers.lease
        self._registry = registry

    def metric(self, name: str) -> float | None:
        return self._registry.get_sample_value(name)


@asynccontextmanager
async def opened(
    urls: Iterable[str], *, most: int = 100, try_s: float = 0.3, search_s: float = 1.0
) -> AsyncIterator[Opened]:
    registry = CollectorRegistry()
    options = Options(most_leases=most, try_limit_s=try_s, search_limit_s=search_s)
    async with (
        asyncio.timeout(LIMIT_S),
        moshi_servers.opened(parse_urls(urls), PATH, options, LeaseMetrics("stt", most, registry)) as servers,
    ):
        yield Opened(servers, registry)


async def refusal(servers: Opened, call: Call[FromRecogniser] = CALL) -> MeshError:
    with pytest.raises(MeshError) as caught:
        async with servers.lease(call):
            pass
    return caught.value


def unused_url() -> str:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return f"ws://127.0.0.1:{probe.getsockname()[1]}"


async def test_a_lease_holds_a_slot_and_gives_it_back() -> None:
    async with running() as server, opened([server.url]) as servers:
        async with servers.lease(CALL) as connection:
            await server.until(lambda: server.used == 1)
            assert servers.metric("parley_stt_leases") == 1
            await connection.send(b"x")
        await server.until(lambda: server.used == 0)
        assert server.received == [b"x"]
        assert servers.metric("parley_stt_leases") == 0
        assert servers.metric("parley_stt_leases_peak") == 1
        assert servers.metric("parley_stt_engine_search_seconds_count") == 1


@pytest.mark.unmute("S11")
async def test_whoever_is_full_is_passed_over_and_has_not_failed() -> None:
    async with (
        running(slots=0, tells_slots=False) as full,
        running(tells_slots=False) as free,
        opened([full.url, free.url]) as servers,
    ):
        while full.streams == 0:  # they are taken in any order
            async with servers.lease(CALL):
                assert free.used == 1
            await free.until(lambda: free.used == 0)
        assert servers.metric("parley_stt_engine_refusals_total") == 1
        assert servers.metric("parley_stt_engine_failures_total") == 0


async def test_slots_that_are_told_of_steer_to_the_freest_at_no_cost_in_tries() -> None:
    async with running(slots=1) as small, running(slots=50) as large, opened([small.url, large.url]) as servers:
        for _ in range(5):
            async with servers.lease(CALL):
                pass
        assert (small.streams, large.streams) == (0, 5)
        assert servers.metric("parley_stt_engine_slots") == 51


async def test_all_full_is_at_capacity() -> None:
    async with running(slots=1) as server, opened([server.url]) as servers, servers.lease(CALL):
        error = await refusal(servers)
    assert isinstance(error, AtCapacity)
    assert error.retry_after


async def test_the_proxys_own_limit_is_a_refusal_too() -> None:
    async with running(slots=5) as server, opened([server.url], most=1) as servers, servers.lease(CALL):
        assert isinstance(await refusal(servers), AtCapacity)
        assert server.streams == 1


async def test_all_down_is_upstream_down_and_they_come_back() -> None:
    server = MoshiServer()
    await server.start()
    url = server.url
    await server.kill()
    async with opened([url], search_s=0.5) as servers:
        assert not servers.upstreams.answering
        assert isinstance(await refusal(servers), UpstreamDown)
        back = MoshiServer(port=server.port)
        await back.start()
        await servers.upstreams.refresh()
        assert servers.upstreams.answering
        async with servers.lease(CALL):
            assert back.used == 1
        await back.kill()


@pytest.mark.unmute("B6", "B7", "S11")
@pytest.mark.parametrize(
    "behave",
    [
        silent(),
        saying(),
        saying(orderly=False),
        saying(packed("Error", message="out of memory")),
        saying(b"\xc1\xc1"),
        saying("text"),
        saying(*[packed("Marker", id=1)] * 11, READY),
    ],
    ids=["silent", "closes", "gone", "error", "garbage", "text", "cross talk"],
)
async def test_one_that_fails_is_left_alone_and_another_is_taken(
    behave: moshi.Behaviour, monkeypatch: pytest.MonkeyPatch
) -> None:
    # The rest outlasts the test on a slow machine too.
    long_rests = upstreams.POLICY._replace(first_rest_s=2 * LIMIT_S)
    monkeypatch.setattr(upstreams, "opened", partial(upstreams.opened, policy=long_rests))
    async with running(behave, slots=50) as bad, running(slots=3) as good:
        async with opened([bad.url, good.url], try_s=0.2) as servers:
            for _ in range(3):
                async with servers.lease(CALL):
                    assert good.used == 1
                await good.until(lambda: good.used == 0)
            assert bad.streams == 1
            assert servers.metric("parley_stt_engine_failures_total") == 1
        await bad.until(lambda: bad.used == 0)


@pytest.mark.parametrize(
    ("status", "kind"),
    [
        (http.HTTPStatus.UNAUTHORIZED, UpstreamMisconfigured),
        (http.HTTPStatus.NOT_FOUND, UpstreamMisconfigured),
        (http.HTTPStatus.BAD_GATEWAY, UpstreamDown),
        (http.HTTPStatus.TOO_MANY_REQUESTS, AtCapacity),
    ],
)
async def test_what_a_plain_http_answer_means(status: http.HTTPStatus, kind: type[MeshError]) -> None:
    async with running(status=status) as server, opened([server.url]) as servers:
        assert type(await refusal(servers)) is kind


@pytest.mark.unmute("B7", "S11")
async def test_a_wrong_key_is_named_and_not_tried_again() -> None:
    async with running() as server, opened([server.url]) as servers:
        wrong = CALL._replace(key="wrong")
        for _ in range(3):
            error = await refusal(servers, wrong)
            assert isinstance(error, UpstreamMisconfigured)
            assert "KYUTAI_API_KEY" in error.message
        assert len(server.requests) == 1


@pytest.mark.unmute("B7")
async def test_an_unknown_voice_is_not_taken_for_a_full_server() -> None:
    async with running(saying(packed("Error", message="unknown Voice x"))) as server, opened([server.url]) as servers:
        assert isinstance(await refusal(servers), VoiceNotFound)
        assert isinstance(await refusal(servers), VoiceNotFound)


@pytest.mark.unmute("S11")
async def test_messages_meant_for_the_stream_before_are_skipped() -> None:
    async def behave(stream: Stream, server: MoshiServer) -> None:
        for _ in range(10):
            await stream.send(packed("Marker", id=1))
        await idle(stream, server)

    async with running(behave) as server, opened([server.url]) as servers, servers.lease(CALL):
        assert server.used == 1


async def test_the_first_message_goes_before_ready() -> None:
    async def behave(stream: Stream, server: MoshiServer) -> None:
        server.received.append(await stream.receive())
        await stream.send(READY)

    async with running(behave) as server, opened([server.url]) as servers:
        async with servers.lease(CALL._replace(first=b"voice")):
            pass
        assert server.received == [b"voice"]


@pytest.mark.parametrize("orderly", [True, False])
async def test_both_ways_of_closing_are_told_apart(orderly: bool) -> None:
    async with (
        running(saying(READY, packed("Marker", id=5), orderly=orderly)) as server,
        opened([server.url]) as servers,
        servers.lease(CALL) as connection,
    ):
        assert await connection.receive() == Marker(5)
        with pytest.raises(Closed) as caught:
            await connection.receive()
        assert caught.value.orderly is orderly
        with pytest.raises(Closed):
            await connection.send(b"x")


@pytest.mark.unmute("B25")
async def test_leaving_frees_the_slot_while_the_server_floods_us() -> None:
    async def flood(stream: Stream, server: MoshiServer) -> None:
        del server
        await stream.send(READY)
        while True:
            await stream.send(packed("Marker", id=1))
            await asyncio.sleep(0)  # it shares the event loop

    async with running(flood) as server, opened([server.url]) as servers:
        async with servers.lease(CALL):
            await asyncio.sleep(0.1)
        await server.until(lambda: server.used == 0)


def sockets() -> int:
    count = 0
    for link in Path("/proc/self/fd").iterdir():
        try:
            count += link.readlink().name.startswith("socket:")
        except OSError:
            continue
    return count


@pytest.mark.unmute("B6", "B25")
@pytest.mark.parametrize("behave", [idle, silent()], ids=["ready", "silent"])
async def test_a_start_up_cancelled_at_any_moment_leaves_nothing_open(behave: moshi.Behaviour) -> None:
    async with running(behave, slots=1_000, tells_slots=False) as server, opened([server.url], try_s=1.0) as servers:
        await asyncio.sleep(0)  # what refreshes the servers' states begins
        before, tasks_before = sockets(), len(asyncio.all_tasks())

        async def hold() -> None:
            async with servers.lease(CALL):
                await asyncio.sleep(LIMIT_S)

        for turn in range(60):
            task = asyncio.create_task(hold())
            for _ in range(turn):
                await asyncio.sleep(0)
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)
            assert task.cancelled()
        await server.until(lambda: server.used == 0)
        assert servers.metric("parley_stt_leases") == 0
        async with asyncio.timeout(2):
            while sockets() > before or len(asyncio.all_tasks()) > tasks_before:  # noqa: ASYNC110 - only to be asked for
                await asyncio.sleep(0.01)


@pytest.mark.unmute("S11")
async def test_a_name_with_several_addresses_is_several_servers(monkeypatch: pytest.MonkeyPatch) -> None:
    resolved: list[str] = ["127.0.0.2", "127.0.0.3"]

    async def resolve(target: HostPort, _lookup: Lookup) -> list[str]:
        return [f"{host}:{target.port}" for host in resolved]

    monkeypatch.setattr(addresses, "resolve", resolve)
    async with (
        running(host="127.0.0.2") as one,
        running(host="127.0.0.3", port=one.port) as two,
        opened([f"ws://engines:{one.port}"]) as servers,
    ):
        async with servers.lease(CALL), servers.lease(CALL), servers.lease(CALL), servers.lease(CALL):
            assert (one.used, two.used) == (2, 2)
        resolved.remove("127.0.0.2")
        await servers.upstreams.resolve()
        streams = one.streams
        async with servers.lease(CALL), servers.lease(CALL):
            assert one.streams == streams


async def test_metrics_tell_of_tries_and_of_engines() -> None:
    async with running() as server, opened([server.url, unused_url()]) as servers:
        async with servers.lease(CALL):
            pass
        assert servers.metric("parley_stt_engine_try_seconds_count") == 1
        assert servers.metric("parley_stt_engines_answering") == 1
        assert servers.metric("parley_stt_leases_limit") == 100
