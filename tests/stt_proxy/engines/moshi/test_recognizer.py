"""The engine behind the real proxy, in front of a moshi-server on a socket."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import msgspec
import numpy as np
import pytest
from prometheus_client import CollectorRegistry

from mesh.audio import FRAME_SAMPLES
from mesh.engines.lease_metrics import LeaseMetrics
from mesh.engines.server_urls import parse_urls
from mesh.errors import AtCapacity, MeshError, UpstreamDown, UpstreamMisconfigured
from mesh.pool import Options
from mesh.times import seconds
from moshi_client.floats import unpacked_floats
from moshi_client.messages import Audio
from stt_proxy.engines.moshi import recognizer
from stt_proxy.engines.moshi.engine import MoshiEngine, moshi_engine
from stt_proxy.engines.moshi.stream_state import Model
from tests.moshi_client.models import recognising
from tests.moshi_client.server import KEY, READY, Behaviour, MoshiServer, Stream, packed, running
from tests.stt_proxy.proxy import Proxy, audio, config, finish, flush, kinds, next_of, serving, told

FRAME_S = 0.08


def frames(count: int, *, loud: bool = False) -> list[bytes]:
    return [np.full(1_920, 8_000 if loud else 0, "<i2").tobytes()] * count


@asynccontextmanager
async def engine_on(*servers: MoshiServer) -> AsyncIterator[MoshiEngine]:
    async with moshi_engine(
        parse_urls(server.url for server in servers),
        key=KEY,
        model=Model(),
        options=Options(most_leases=50, try_limit_s=0.5, search_limit_s=1.0),
        metrics=LeaseMetrics("stt", 50, CollectorRegistry()),
    ) as engine:
        yield engine


@asynccontextmanager
async def proxy_before(behave: Behaviour, slots: int = 2) -> AsyncIterator[tuple[Proxy, MoshiServer]]:
    async with running(behave, slots=slots) as server, engine_on(server) as engine, serving(engine) as proxy:
        yield proxy, server


@pytest.mark.unmute("S11")
async def test_speech_comes_back_as_words_where_they_were_said() -> None:
    async with proxy_before(recognising) as (proxy, server):
        pcm = [*frames(15), *frames(5, loud=True), *frames(5), *frames(5, loud=True), *frames(3)]
        requests = [config(base_s=100.0)]
        requests += [audio(each) for each in pcm[:25]] + [flush(1)] + [audio(each) for each in pcm[25:]] + [finish()]
        responses = await proxy.told(*requests)
        assert kinds(responses[:1]) == ["started"]
        words = [response.word for response in responses if response.HasField("word")]
        assert [word.text for word in words] == ["word1", "word2"]
        assert [seconds(word.end_offset) for word in words] == pytest.approx([101.6, 102.4], abs=0.09)
        pauses = [response.pause for response in responses if response.HasField("pause")]
        assert [seconds(pause.offset) for pause in pauses] == pytest.approx(
            [100 + FRAME_S * n for n in range(13, 34)], abs=1e-6
        )
        assert kinds(responses).index("flushed") > kinds(responses).index("word")
        await server.until(lambda: server.used == 0)


@pytest.mark.unmute("S9", "C8")
async def test_a_flush_is_eight_frames_of_zeros_behind_which_live_audio_keeps_flowing() -> None:
    async def note(stream: Stream, server: MoshiServer) -> None:
        await stream.send(READY)
        async for message in stream:
            server.received.append(message)
            server.changed()

    async with proxy_before(note) as (proxy, server):
        call = await proxy.opened()
        [loud] = frames(1, loud=True)
        for request in (audio(loud), audio(loud), flush(1), audio(loud)):
            await call.write(request)
        await server.until(lambda: len(server.received) == 4)
        call.cancel()
    sent = [unpacked_floats(msgspec.msgpack.decode(message, type=Audio).pcm) for message in server.received]
    assert [len(pcm) / FRAME_SAMPLES for pcm in sent] == [1, 1, 8, 1]
    assert [bool(pcm.any()) for pcm in sent] == [True, True, False, True]


@pytest.mark.unmute("B25")
async def test_leaving_without_a_word_frees_the_slot() -> None:
    async with proxy_before(recognising) as (proxy, server):
        call = await proxy.opened()
        await call.write(audio(frames(1)[0]))
        call.cancel()
        await server.until(lambda: server.streams == 1 and server.used == 0)


async def test_full_is_said_before_started() -> None:
    async with proxy_before(recognising, slots=1) as (proxy, _):
        call = await proxy.opened()
        with pytest.raises(AtCapacity):
            await proxy.opened()
        call.cancel()


@pytest.mark.unmute("B23")
@pytest.mark.parametrize("orderly", [True, False])
async def test_an_engine_that_goes_is_told_of(orderly: bool) -> None:
    async def leave(stream: Stream, server: MoshiServer) -> None:
        del server
        await stream.send(READY)
        await stream.receive()
        if orderly:
            stream.close()
        else:
            stream.reset()

    async with proxy_before(leave) as (proxy, server):
        call = await proxy.opened()
        await call.write(audio(frames(1)[0]))
        with pytest.raises(UpstreamDown, match="closed" if orderly else "lost"):
            await told(call)
        await server.until(lambda: server.used == 0)


@pytest.mark.unmute("B24")
@pytest.mark.parametrize(
    ("messages", "kind"),
    [
        ([packed("Error", message="the GPU is gone")], UpstreamDown),
        ([b"\xc1"], UpstreamDown),
        ([packed("Word", text="hi", start_time=-1.0)], UpstreamDown),
        ([packed("Step", step_idx=0, prs=[])] * 13, UpstreamMisconfigured),
        ([packed("Word", text="hi", start_time=0.0)] * 3, UpstreamMisconfigured),
    ],
    ids=["error", "bytes", "time", "heads", "steps"],
)
async def test_what_an_engine_says_wrong_ends_the_stream_with_its_reason(
    messages: list[bytes], kind: type[MeshError]
) -> None:
    async def say(stream: Stream, server: MoshiServer) -> None:
        del server
        await stream.send(READY)
        await stream.receive()
        for message in messages:
            await stream.send(message)
        await stream.until_closed()

    async with proxy_before(say) as (proxy, server):
        call = await proxy.opened()
        await call.write(audio(b"".join(frames(20))))
        with pytest.raises(MeshError) as caught:
            await told(call)
        assert type(caught.value) is kind
        assert "GPU" not in caught.value.message
        await server.until(lambda: server.used == 0)


async def deaf(stream: Stream, server: MoshiServer) -> None:
    await stream.send(READY)
    async for message in stream:
        server.received.append(message)


@pytest.mark.unmute("B25")
async def test_an_engine_that_takes_in_nothing_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognizer, "_STALL_LIMIT_S", 0.2)
    monkeypatch.setattr(recognizer, "_LOOK_EVERY_S", 0.05)
    async with proxy_before(deaf) as (proxy, _):
        call = await proxy.opened()
        await asyncio.sleep(0.4)  # with nothing to do it is not late
        await call.write(audio(frames(1)[0]))
        with pytest.raises(UpstreamDown, match="taken in no audio"):
            await told(call)


async def test_a_quiet_stream_is_kept_open(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recognizer, "_QUIET_LIMIT_S", 0.1)
    monkeypatch.setattr(recognizer, "_LOOK_EVERY_S", 0.05)
    async with proxy_before(deaf) as (proxy, server):
        call = await proxy.opened()
        async with asyncio.timeout(5):
            while not server.received:  # noqa: ASYNC110 - the server has nothing to wait for
                await asyncio.sleep(0.01)
        assert msgspec.msgpack.decode(server.received[0]) == {"type": "Audio", "pcm": []}
        call.cancel()


async def test_a_sender_far_ahead_is_held_back() -> None:
    async with proxy_before(deaf) as (proxy, server):
        call = await proxy.opened()
        for _ in range(2):
            await call.write(audio(b"".join(frames(100))))
        await asyncio.sleep(0.3)
        sent = sum(len(msgspec.msgpack.decode(message)["pcm"]) for message in server.received)
        assert 5 * 24_000 <= sent <= 7 * 24_000
        call.cancel()


async def test_health_follows_whether_any_engine_answers() -> None:
    server = MoshiServer(recognising)
    await server.start()
    async with engine_on(server) as engine:
        assert engine.available
        await server.kill()
        async with asyncio.timeout(5):
            while engine.available:  # noqa: ASYNC110 - to be asked for
                await asyncio.sleep(0.05)


async def test_the_first_event_of_a_silent_stream_is_a_pause() -> None:
    async with proxy_before(recognising) as (proxy, _):
        call = await proxy.opened()
        for frame in frames(13):
            await call.write(audio(frame))
        assert kinds([await next_of(call)]) == ["pause"]
        call.cancel()
