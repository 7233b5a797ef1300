import asyncio

import httpx2
import pytest

from mesh.engines.server_urls import parse_urls
from mesh.engines.upstreams import Health, Place
from moshi_client.probe import answers, probe
from tests.moshi_client.server import running
from tests.tcp import serving_tcp

PATH = "/api/asr-streaming"


async def probed(url: str) -> Health:
    [parsed] = parse_urls([url])
    place = Place(parsed, f"{parsed.host}:{parsed.port}")
    async with httpx2.AsyncClient(trust_env=False) as client:
        health = await probe(place, client, PATH)
        assert await answers(place, client) is health.serving
    return health


async def test_slots_come_as_strings_and_are_those_of_the_module_that_is_wanted() -> None:
    modules = (
        '[{"type": "py", "path": "/api/tts_streaming", "used_slots": "9", "total_slots": "9"},'
        ' {"type": "batched_asr", "path": "/api/asr-streaming", "used_slots": "3", "total_slots": "64", "lm": "x"},'
        ' {"type": "py_post"}]'
    )
    async with running(modules=modules) as server:
        assert await probed(server.url) == Health(serving=True, slots=(3, 64))


@pytest.mark.parametrize(
    "modules",
    [
        "",
        "no JSON",
        "{}",
        "[7]",
        '[{"path": "/api/asr-streaming"}]',
        '[{"path": "/api/asr-streaming", "used_slots": "-1", "total_slots": "4"}]',
        '[{"path": "/api/asr-streaming", "used_slots": "many", "total_slots": "4"}]',
        "[" * 100_000,
        " " * (1 << 21),
    ],
    ids=["nothing", "text", "object", "number", "untold", "negative", "word", "deep", "long"],
)
async def test_an_answer_that_makes_no_sense_tells_of_no_slots(modules: str) -> None:
    async with running(modules=modules) as server:
        assert await probed(server.url) == Health(serving=True, slots=None)


async def test_who_is_gone_does_not_answer() -> None:
    async with running() as server:
        assert (await probed(server.url)).serving
    assert await probed(server.url) == Health(serving=False)


async def test_who_keeps_silent_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("moshi_client.probe._LIMIT_S", 0.1)

    async def say_nothing(reader: asyncio.StreamReader, _: asyncio.StreamWriter) -> None:
        await reader.read()

    async with serving_tcp(say_nothing) as port:
        assert await probed(f"http://127.0.0.1:{port}") == Health(serving=False)
