"""Cloning by moshi-server, over its real wire."""

from collections.abc import AsyncIterator

import pytest

from mesh.engines.server_urls import parse_urls
from mesh.errors import BadAudio, MeshError, UploadTooLarge, UpstreamDown
from tests.fakes.cloning import FakeCloning
from tests.fakes.llm import serving
from voice_service.engine import LARGEST_EMBEDDING
from voice_service.engines import moshi
from voice_service.engines.moshi import MoshiCloning

RECORDING = bytes(range(256)) * 4_000


@pytest.fixture
def fake() -> FakeCloning:
    return FakeCloning()


@pytest.fixture
async def engine(fake: FakeCloning) -> AsyncIterator[MoshiCloning]:
    # As Unmute's settings have it.
    async with serving(fake) as url, MoshiCloning(parse_urls([url.replace("http://", "ws://")])) as engine:
        yield engine


async def test_recording_and_answer_pass_byte_for_byte(fake: FakeCloning, engine: MoshiCloning) -> None:
    assert await engine.clone(RECORDING) == fake.answer
    assert fake.recordings == [RECORDING]
    assert fake.content_types == ["application/octet-stream"]
    assert len(fake.answer) > 300_000


@pytest.mark.parametrize(
    ("status", "answer", "error"),
    [
        (500, b"", BadAudio),
        (200, b"", BadAudio),
        (413, b"length limit exceeded", UploadTooLarge),
        (404, b"", UpstreamDown),
        (503, b"", UpstreamDown),
        (200, b"<html>", UpstreamDown),
        (200, b"\x83\xa4type\xa5Voice" + bytes(LARGEST_EMBEDDING), UpstreamDown),
    ],
)
async def test_other_answers(
    fake: FakeCloning, engine: MoshiCloning, status: int, answer: bytes, error: type[MeshError]
) -> None:
    fake.status, fake.answer = status, answer
    with pytest.raises(error):
        await engine.clone(RECORDING)


@pytest.mark.unmute("B19")
async def test_a_server_that_says_nothing(
    fake: FakeCloning, engine: MoshiCloning, monkeypatch: pytest.MonkeyPatch
) -> None:
    del engine
    fake.answers = False
    monkeypatch.setattr(moshi, "ANSWER_LIMIT_S", 0.2)
    async with serving(fake) as url, MoshiCloning(parse_urls([url])) as impatient:
        with pytest.raises(UpstreamDown, match="did not answer in time"):
            await impatient.clone(RECORDING)


async def test_a_server_that_is_not_there() -> None:
    async with MoshiCloning(parse_urls(["http://127.0.0.1:9"])) as engine:
        assert not await engine.works()
        with pytest.raises(UpstreamDown, match="cannot be reached"):
            await engine.clone(RECORDING)


async def test_it_works_when_the_server_says_so(fake: FakeCloning, engine: MoshiCloning) -> None:
    assert await engine.works()
    fake.status = 500
    assert not await engine.works()


async def test_of_several_servers_one_that_is_in_order_is_enough(fake: FakeCloning) -> None:
    broken = FakeCloning()
    async with (
        serving(fake) as url,
        serving(broken) as other,
        MoshiCloning(parse_urls([other, "http://127.0.0.1:9", "http://no-such-host.invalid", url])) as engine,
    ):
        broken.status = 503  # it was in order when it was asked
        while not broken.recordings:  # they are taken in any order
            assert await engine.clone(RECORDING) == fake.answer
        assert await engine.works()


async def test_what_is_no_audio_is_no_audio_everywhere(fake: FakeCloning) -> None:
    fake.status, fake.answer = 500, b""
    async with serving(fake) as url, MoshiCloning(parse_urls([url, url.replace("127.0.0.1", "localhost")])) as engine:
        with pytest.raises(BadAudio):
            await engine.clone(RECORDING)
    assert len(fake.recordings) == 1
