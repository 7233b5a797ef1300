"""Which voices are offered, and what they sound like: a voice service in front of a synthesis proxy."""

import asyncio
import io
import wave
from contextlib import AsyncExitStack
from pathlib import Path

import grpc
import numpy as np
import pytest

from mesh.errors import AtCapacity, UpstreamDown, VoiceNotFound, from_rpc_error
from parley.voices.v1.voices_pb2 import GetVoiceSampleRequest, ListVoicesRequest, Voice
from tests.tts_proxy.proxy import serving
from tests.voice_service.harness import LIMIT_S, Client, client_of, voice_service
from voice_service import synthesis
from voice_service.catalogue import Catalogue, Entry, read_catalogue
from voice_service.synthesis import SENTENCES, sentence

CATALOGUE = Catalogue(
    [
        Entry(Voice(voice_id="en-us-heart", name="Wren", language="en-US"), good=True, engine="hibari"),
        Entry(Voice(voice_id="en-gb-emma", name="Robin", language="en-GB"), good=True, engine="hibari"),
        Entry(Voice(voice_id="fr-fr+f2", name="Colette", language="fr-FR"), good=True, engine="espeak"),
        Entry(Voice(voice_id="shop/p329.wav", name="Oliver"), good=True, engine="moshi"),
        Entry(Voice(voice_id="en-us", name="Anybody"), good=True),
        Entry(Voice(voice_id="de", name="Hidden"), good=False, engine="espeak"),
    ]
)


async def names(client: Client) -> list[str]:
    return [voice.name for voice in (await client.stub.ListVoices(ListVoicesRequest(), timeout=LIMIT_S)).voices]


async def sample(client: Client, voice_id: str) -> bytes:
    try:
        return (await client.stub.GetVoiceSample(GetVoiceSampleRequest(voice_id=voice_id), timeout=LIMIT_S)).wav
    except grpc.aio.AioRpcError as error:
        raise from_rpc_error(error) from None


def samples_of(wav: bytes) -> "np.typing.NDArray[np.int16]":
    with wave.open(io.BytesIO(wav)) as file:
        assert (file.getnchannels(), file.getsampwidth(), file.getframerate()) == (1, 2, 24_000)
        return np.frombuffer(file.readframes(file.getnframes()), np.int16)


@pytest.mark.parametrize(
    ("voices", "offered"),
    [
        ({"espeak": []}, ["Colette", "Anybody"]),
        ({"hibari": ["en-us-heart"], "espeak": []}, ["Wren", "Colette", "Anybody"]),
        ({"moshi": []}, ["Oliver", "Anybody"]),
        ({"humming": []}, ["Anybody"]),
    ],
)
async def test_offers_what_the_engine_in_use_has(voices: dict[str, list[str]], offered: list[str]) -> None:
    async with (
        serving(voices=voices) as proxy,
        voice_service(CATALOGUE, tts_target=proxy.address) as server,
        client_of(server.address) as client,
    ):
        assert await names(client) == offered


async def test_offers_everything_before_synthesis_was_ever_reached() -> None:
    async with voice_service(CATALOGUE) as server, client_of(server.address) as client:
        assert await names(client) == ["Wren", "Robin", "Colette", "Oliver", "Anybody"]
        with pytest.raises(UpstreamDown):
            await sample(client, "en-us")


async def test_the_last_answer_counts_while_synthesis_is_away(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesis, "ASKED_EVERY_S", 0.0)
    async with AsyncExitStack() as stack:
        proxy = await stack.enter_async_context(serving())
        async with voice_service(CATALOGUE, tts_target=proxy.address) as server, client_of(server.address) as client:
            assert await names(client) == ["Colette", "Anybody"]
            await stack.aclose()
            assert await names(client) == ["Colette", "Anybody"]


async def test_a_sample_is_spoken_once_in_the_voices_language() -> None:
    async with (
        serving() as proxy,
        voice_service(CATALOGUE, tts_target=proxy.address) as server,
        client_of(server.address) as client,
    ):
        first = await sample(client, "fr-fr+f2")
        spoken = proxy.engine.audio_bytes
        assert await sample(client, "fr-fr+f2") == first
        assert proxy.engine.audio_bytes == spoken
        assert await sample(client, "en-us") != first
    heard = samples_of(first)
    assert heard.any()
    assert 2 < len(heard) / 24_000 < 10
    assert len(heard) * 2 == spoken


@pytest.mark.parametrize("voice_id", ["en-us-heart", "de", "nobody", "", "custom:1"])
async def test_only_what_is_offered_can_be_heard(voice_id: str) -> None:
    async with (
        serving() as proxy,
        voice_service(CATALOGUE, tts_target=proxy.address) as server,
        client_of(server.address) as client,
    ):
        with pytest.raises(VoiceNotFound):
            await sample(client, voice_id)


async def test_few_samples_are_made_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesis, "MOST_WAITING", 2)
    catalogue = Catalogue([Entry(Voice(voice_id=f"en-us+f{number}"), good=True) for number in range(1, 5)])
    async with (
        serving() as proxy,
        voice_service(catalogue, tts_target=proxy.address) as server,
        client_of(server.address) as client,
    ):
        asked = [sample(client, voice.voice_id) for voice in catalogue.offered]
        answers = await asyncio.gather(*asked, return_exceptions=True)
        assert [type(answer) for answer in answers].count(AtCapacity) == 2
        assert len([answer for answer in answers if isinstance(answer, bytes)]) == 2
        # A place is free again.
        assert await sample(client, "en-us+f4")


async def test_few_samples_are_kept(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(synthesis, "MOST_SAMPLES", 1)
    catalogue = Catalogue([Entry(Voice(voice_id=voice_id), good=True) for voice_id in ("en-us", "en-gb")])
    async with (
        serving() as proxy,
        voice_service(catalogue, tts_target=proxy.address) as server,
        client_of(server.address) as client,
    ):
        await sample(client, "en-us")
        await sample(client, "en-gb")
        spoken = proxy.engine.audio_bytes
        await sample(client, "en-us")
        assert proxy.engine.audio_bytes > spoken


@pytest.mark.parametrize(
    ("language", "spoken"), [("fr-FR", "fr"), ("pt-BR", "pt"), ("DE", "de"), ("ja", "en"), ("", "en")]
)
def test_the_sentence_is_in_the_voices_language(language: str, spoken: str) -> None:
    assert sentence(Voice(language=language)) == SENTENCES[spoken]


def test_every_engine_of_ours_has_voices_in_the_catalogue_of_ours() -> None:
    catalogue = read_catalogue(Path(__file__).parents[2] / "voices.yaml")
    for engine in ("hibari", "espeak", "moshi"):
        assert len(catalogue.offered_with({engine: []})) >= 5
    assert not catalogue.offered_with({})
