"""The engine, and servers made of `wyoming`'s own classes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import pytest
from prometheus_client import CollectorRegistry

from mesh.engines.lease_metrics import LeaseMetrics
from mesh.errors import AtCapacity, MeshError, UpstreamDown, UpstreamMisconfigured, VoiceNotFound
from mesh.pool import Options
from tests.tts_proxy.spoken import spoken
from tests.wyoming_client.server import SECONDS_PER_LETTER, WyomingServer, running
from tts_proxy.engine import Audio
from tts_proxy.engines.wyoming import engine as engine_module
from tts_proxy.engines.wyoming.engine import WyomingSpeechEngine, wyoming_speech_engine
from wyoming_client.settings import parse_urls

TEXT = "Good morning, it is a quarter past seven. Shall we begin?"


@asynccontextmanager
async def opened(*urls: str, voice: str = "", capacity: int = 8) -> AsyncIterator[WyomingSpeechEngine]:
    async with wyoming_speech_engine(
        parse_urls(urls),
        voice=voice,
        options=Options(most_leases=capacity, try_limit_s=1.0, search_limit_s=2.0),
        meter=LeaseMetrics("tts", capacity, CollectorRegistry()),
        probed_every_s=0.05,
        patience_s=0.05,
        answer_limit_s=1.0,
    ) as engine:
        yield engine


@asynccontextmanager
async def one(**does: Any) -> AsyncIterator[tuple[WyomingServer, WyomingSpeechEngine]]:
    async with running(WyomingServer(**does)) as server, opened(server.url) as engine:
        yield server, engine


async def failure(engine: WyomingSpeechEngine, voice: str = "") -> MeshError:
    with pytest.raises(MeshError) as caught:
        await spoken(engine, TEXT, voice)
    return caught.value


@pytest.mark.parametrize("rate", [16_000, 22_050, 24_000])
async def test_a_reply_is_a_request_for_each_clause(rate: int) -> None:
    async with one(rate=rate) as (server, engine):
        said = await spoken(engine, TEXT)
    assert [each.text for each in server.spoken] == ["Good morning,", "it is a quarter past seven.", "Shall we begin?"]
    assert {each.voice for each in server.spoken} == {None}
    assert [word.text for word in said.words] == TEXT.split()
    assert all(0 <= word.start_s <= word.stop_s <= said.length_s + 0.001 for word in said.words)
    assert said.level(0.1, 0.3) == pytest.approx(8_000 / 2**0.5, rel=0.05)


async def test_sound_is_as_long_as_it_was() -> None:
    async with one() as (_, engine):
        assert (await spoken(engine, "Hello.")).length_s == pytest.approx(5 * SECONDS_PER_LETTER, abs=0.02)


async def test_a_voice_is_asked_for_by_its_name() -> None:
    async with one() as (server, engine):
        await spoken(engine, "Hello.", "joe")
    assert server.spoken[0].voice is not None
    assert server.spoken[0].voice.name == "joe"


async def test_a_voice_that_is_not_there_is_not_found() -> None:
    async with one() as (server, engine):
        assert isinstance(await failure(engine, "en-us-heart"), VoiceNotFound)
        assert not server.spoken


async def test_leaving_closes_the_connection() -> None:
    async with one(fault="stalls") as (server, engine), engine.open("") as utterance:
        await utterance.speak("Internationalisation straightforwardly accomplished.")
        await utterance.finish()

        async def listen() -> None:
            async for _ in utterance:
                pass

        listening = asyncio.create_task(listen())
        await server.until(lambda: bool(server.spoken))
        listening.cancel()
        with pytest.raises(asyncio.CancelledError):
            await listening
        await server.until(lambda: server.open_now == 0)


@pytest.mark.parametrize("fault", ["error", "dies", "stalls", "garbage", "huge"])
async def test_a_server_that_fails_is_lost(fault: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engine_module, "_STALL_LIMIT_S", 0.3)
    async with one(fault=fault) as (server, engine):
        error = await failure(engine)
        assert isinstance(error, UpstreamDown)
        assert "secret" not in error.message
        server.fault = ""
        assert (await spoken(engine, TEXT)).words


async def test_a_server_without_voices_is_a_setting_to_change() -> None:
    async with one(tts=False) as (_, engine):
        assert not engine.available
        assert isinstance(await failure(engine), UpstreamMisconfigured)


async def test_sound_that_cannot_be_read_is_an_error() -> None:
    async with one(width=4) as (_, engine):
        assert isinstance(await failure(engine), UpstreamDown)


async def test_a_server_that_is_not_there_is_refused_at_once() -> None:
    async with running(WyomingServer()) as server:
        url = server.url
    async with opened(url) as engine:
        assert not engine.available
        assert isinstance(await failure(engine), UpstreamDown)


async def test_another_server_speaks_where_one_is_gone() -> None:
    async with running(WyomingServer()) as goes:
        gone = goes.url
    async with running(WyomingServer()) as stays, opened(gone, stays.url) as engine:
        for _ in range(4):
            assert (await spoken(engine, "Hello.")).words


async def test_more_replies_than_there_is_room_for_are_refused() -> None:
    async with running(WyomingServer()) as server, opened(server.url, capacity=1) as engine, engine.open(""):
        with pytest.raises(AtCapacity):
            async with engine.open(""):
                pass


async def test_audio_comes_before_the_clause_is_complete() -> None:
    async with one(fault="stalls") as (_, engine), engine.open("") as utterance:
        await utterance.speak("Internationalisation straightforwardly accomplished.")
        await utterance.finish()
        async with asyncio.timeout(5):
            async for event in utterance:
                if isinstance(event, Audio):
                    return
    pytest.fail("no audio")
