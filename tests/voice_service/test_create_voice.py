"""Uploads over a real socket, and the voices that come of them."""

import asyncio
import contextlib
import os
import sys
import uuid
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from mesh.errors import (
    AtCapacity,
    BadAudio,
    ConfigRequired,
    InvalidRequest,
    MeshError,
    UploadIncomplete,
    UploadTooLarge,
    UpstreamDown,
    VoiceNotFound,
)
from mesh.rpc.channels import open_channel
from mesh.rpc.health import is_serving
from mesh.times import seconds
from parley.voices.v1 import voices_pb2 as pb
from tests.fakes.cloning import FakeCloning
from tests.fakes.llm import serving as serving_http
from tests.voice_service.harness import (
    Client,
    chunk,
    client_of,
    config,
    finish,
    process,
    spoken,
    upload,
    voice_service,
    wav,
)
from tts_proxy.engines.espeak.library import Prosody
from voice_service.uploads import LARGEST_RECORDING

ADA = wav(*spoken(Prosody("gmw/en-US+f3"), "Good morning to you all, and welcome to our little house."))


@pytest.fixture
async def client() -> AsyncIterator[Client]:
    async with voice_service() as server, client_of(server.address) as connected:
        yield connected


async def test_a_recording_becomes_a_voice(client: Client) -> None:
    voice = await client.create(ADA)
    kind, _, number = voice.voice_id.partition(":")
    assert kind == "custom"
    assert str(uuid.UUID(number, version=4)) == number
    assert voice.custom.engine == "espeak"
    assert 3_590 < seconds(voice.custom.time_to_live) <= 3_600
    found = await client.find(voice.voice_id)
    assert (found.voice_id, found.name, found.custom.engine) == (voice.voice_id, "Custom voice", "espeak")
    embedding = await client.embedding(voice.voice_id)
    assert embedding.engine == "espeak"
    assert b'"voice":"en-us+f3"' in embedding.embedding


@pytest.mark.parametrize("voice_id", ["", "en-us", "custom:", "custom:00000000-0000-4000-8000-000000000000"])
async def test_there_is_no_embedding_of_other_voices(client: Client, voice_id: str) -> None:
    with pytest.raises(VoiceNotFound):
        await client.embedding(voice_id)


async def test_a_voice_has_its_time() -> None:
    async with voice_service(kept_for_s=1) as server, client_of(server.address) as client:
        voice = await client.create(ADA)
        await until_gone(client, voice.voice_id)
        with pytest.raises(VoiceNotFound):
            await client.find(voice.voice_id)


async def until_gone(client: Client, voice_id: str) -> None:
    """Only time does it."""
    async with asyncio.timeout(10):
        with contextlib.suppress(VoiceNotFound):
            while await client.embedding(voice_id):  # noqa: ASYNC110 - as it is
                await asyncio.sleep(0.05)


@pytest.mark.parametrize(
    ("requests", "error", "field"),
    [
        ([], ConfigRequired, "config"),
        ([chunk(ADA)], ConfigRequired, "config"),
        ([config()], UploadIncomplete, "finish"),
        ([config(), chunk(ADA)], UploadIncomplete, "finish"),
        ([config(), finish(ADA)], UploadIncomplete, "finish.total_bytes"),
        ([config(), chunk(ADA[:-1]), finish(ADA)], UploadIncomplete, "finish.total_bytes"),
        ([config(), chunk(bytes(len(ADA))), finish(ADA)], UploadIncomplete, "finish.sha256"),
        ([config(), chunk(ADA), pb.CreateVoiceRequest(finish=pb.FinishUpload())], UploadIncomplete, None),
        ([config(), config()], InvalidRequest, "config"),
        ([config(), pb.CreateVoiceRequest()], InvalidRequest, "request"),
        ([config(), chunk(bytes((1 << 20) + 1))], InvalidRequest, "chunk.content"),
        ([config(), *[chunk(bytes(1 << 20))] * 5], UploadTooLarge, "chunk"),
        ([config(LARGEST_RECORDING + 1)], UploadTooLarge, "config.total_bytes"),
        (upload(b"hello"), BadAudio, "chunk"),
        (upload(b""), BadAudio, "chunk"),
    ],
)
async def test_what_is_no_upload_is_refused_and_nothing_kept(
    client: Client, requests: list[pb.CreateVoiceRequest], error: type[MeshError], field: str | None
) -> None:
    with pytest.raises(error) as caught:
        await client.send(requests)
    assert type(caught.value) is error
    if field:
        assert caught.value.field == field
    assert await client.create(ADA)


async def test_the_largest_recording_is_taken(client: Client) -> None:
    """RIFF readers skip what follows the samples."""
    assert await client.create(ADA + bytes(LARGEST_RECORDING - len(ADA)))


async def test_one_too_many_is_refused_until_one_is_over() -> None:
    async with voice_service(uploads=1) as server, client_of(server.address) as client:
        open_call = client.stub.CreateVoice()
        await open_call.write(config())
        assert "parley-admitted" in dict(await open_call.initial_metadata())
        with pytest.raises(AtCapacity) as caught:
            await client.create(ADA)
        assert caught.value.retry_after
        open_call.cancel()
        await until_taken(client)


async def until_taken(client: Client) -> None:
    """The server learns a moment later that a caller has left."""
    async with asyncio.timeout(10):
        while True:
            with contextlib.suppress(AtCapacity):
                await client.create(ADA)
                return
            await asyncio.sleep(0.02)


async def test_moshis_embedding_is_kept_byte_for_byte() -> None:
    fake = FakeCloning()
    async with (
        serving_http(fake) as url,
        voice_service(cloning_urls=url) as server,
        client_of(server.address) as client,
    ):
        voice = await client.create(ADA)
        found = await client.embedding(voice.voice_id)
        fake.status = 500
        with pytest.raises(BadAudio):
            await client.create(ADA)
    assert (found.engine, found.embedding) == ("moshi", fake.answer)
    assert voice.custom.engine == "moshi"


async def test_without_its_engine_no_voice_is_made() -> None:
    async with voice_service(cloning_urls="http://127.0.0.1:9") as server, client_of(server.address) as client:
        with pytest.raises(UpstreamDown):
            await client.create(ADA)


async def test_two_processes_share_a_voice_and_say_that_cloning_works(tmp_path: Path) -> None:
    shared = {"PARLEY_VOICES_STORE_FILE": str(tmp_path / "voices.sqlite3")}
    async with (
        process(**shared) as one,
        process(**shared) as other,
        client_of(one.address) as here,
        client_of(other.address) as there,
        open_channel(one.address) as channel,
    ):
        voice = await here.create(ADA)
        assert (await there.embedding(voice.voice_id)).embedding == (await here.embedding(voice.voice_id)).embedding
        async with asyncio.timeout(10):
            while not await is_serving(channel, "cloning", within=1):  # noqa: ASYNC110 - a single answer is meant
                await asyncio.sleep(0.02)


async def test_cloning_is_not_healthy_without_its_engine() -> None:
    async with (
        process(KYUTAI_VOICE_CLONING_URL="ws://127.0.0.1:9") as service,
        open_channel(service.address) as channel,
    ):
        assert await is_serving(channel, within=5)
        assert not await is_serving(channel, "cloning", within=5)


async def test_a_store_that_cannot_be_used_ends_the_process_with_one_line(tmp_path: Path) -> None:
    told = {"PARLEY_VOICES_STORE_FILE": str(tmp_path), "PARLEY_VOICES_PORT": "0", "PARLEY_VOICES_METRICS_PORT": "0"}
    ended = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "voice_service", env={**os.environ, **told}, stderr=asyncio.subprocess.PIPE
    )
    _, stderr = await ended.communicate()
    assert ended.returncode == 1
    assert b"the store of custom voices cannot be used" in stderr
    assert b"Traceback" not in stderr
