"""`POST /v1/voices` over a real socket, in front of a real voice service."""

import asyncio
import re
import socket
from collections.abc import AsyncIterator

import httpx2
import pytest

from edge.http.uploads import LARGEST_FILE
from edge.server import EdgeServer
from mesh.rpc.server import GrpcServer
from tests.edge.clients import http_of
from tests.edge.conftest import EdgeFactory
from tests.voice_service.harness import client_of, spoken, voice_service, wav
from tts_proxy.engines.espeak.library import Prosody

ADA = wav(*spoken(Prosody("gmw/en-US+f3"), "Good morning to you all, and welcome to our little house."))
PAGE = {"origin": "http://localhost:3000"}


@pytest.fixture
async def voices() -> AsyncIterator[GrpcServer]:
    async with voice_service() as server:
        yield server


@pytest.fixture
async def edge(voices: GrpcServer, serve_edge: EdgeFactory) -> AsyncIterator[EdgeServer]:
    async with serve_edge(voices_target=voices.address, uploads=1) as server:
        yield server


@pytest.fixture
async def http(edge: EdgeServer) -> AsyncIterator[httpx2.AsyncClient]:
    async with http_of(edge.port) as client:
        yield client


async def posted(http: httpx2.AsyncClient, recording: bytes, name: str = "file") -> httpx2.Response:
    files = {name: ("voice.wav", recording, "audio/wav")}
    return await http.post("/v1/voices", files=files, headers=PAGE, timeout=60)


@pytest.mark.unmute("S8")
async def test_a_recording_becomes_a_voice_that_every_service_finds(
    http: httpx2.AsyncClient, voices: GrpcServer
) -> None:
    answer = await posted(http, ADA)
    assert answer.status_code == 200, answer.text
    assert answer.headers["access-control-allow-origin"] == PAGE["origin"]
    name = answer.json()["name"]
    assert list(answer.json()) == ["name"]
    assert re.fullmatch(r"custom:[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}", name)
    async with client_of(voices.address) as client:
        assert (await client.find(name)).voice_id == name


@pytest.mark.unmute("S8", "C12", "B20")
async def test_the_limit_is_on_the_file_and_not_on_the_form(http: httpx2.AsyncClient) -> None:
    largest = ADA + bytes(LARGEST_FILE - len(ADA))
    assert (await posted(http, largest)).status_code == 200
    answer = await posted(http, largest + b"x")
    assert answer.status_code == 413
    assert "4 MiB" in answer.json()["detail"]
    assert answer.headers["access-control-allow-origin"] == PAGE["origin"]
    assert (await posted(http, ADA)).status_code == 200


@pytest.mark.unmute("C12", "B20")
async def test_what_is_too_long_altogether_is_not_even_read(http: httpx2.AsyncClient) -> None:
    answer = await posted(http, bytes(LARGEST_FILE + (1 << 20)))
    assert answer.status_code == 413
    assert answer.headers["access-control-allow-origin"] == PAGE["origin"]


@pytest.mark.unmute("S8", "C12", "B20")
async def test_a_length_is_required(http: httpx2.AsyncClient) -> None:
    async def body() -> AsyncIterator[bytes]:
        yield b"--x\r\n"

    headers = {**PAGE, "content-type": "multipart/form-data; boundary=x"}
    answer = await http.post("/v1/voices", content=body(), headers=headers)
    assert answer.status_code == 411
    assert answer.json() == {"detail": "Content-Length is required"}
    assert answer.headers["access-control-allow-origin"] == PAGE["origin"]


@pytest.mark.parametrize("recording", [b"", b"hello", ADA[:30], bytes(100_000)])
async def test_what_cannot_be_decoded_is_told_so(http: httpx2.AsyncClient, recording: bytes) -> None:
    answer = await posted(http, recording)
    assert answer.status_code == 400
    assert "the recording cannot be used: " in answer.json()["detail"]
    assert answer.headers["access-control-allow-origin"] == PAGE["origin"]


async def test_a_form_without_the_part(http: httpx2.AsyncClient) -> None:
    answer = await posted(http, ADA, name="recording")
    assert answer.status_code == 422
    assert answer.json() == {"detail": "the form has no part called 'file'"}


@pytest.mark.parametrize("content_type", ["application/json", "multipart/form-data"])
async def test_what_is_no_form(http: httpx2.AsyncClient, content_type: str) -> None:
    answer = await http.post("/v1/voices", content=b"{}", headers={**PAGE, "content-type": content_type})
    assert answer.status_code == 400
    assert "multipart/form-data" in answer.json()["detail"]


async def test_the_preflight(http: httpx2.AsyncClient) -> None:
    asked = {**PAGE, "access-control-request-method": "POST", "access-control-request-headers": "content-type"}
    answer = await http.options("/v1/voices", headers=asked)
    assert answer.status_code == 200
    assert "POST" in answer.headers["access-control-allow-methods"]


async def test_without_a_voice_service(serve_edge: EdgeFactory) -> None:
    async with serve_edge() as edge, http_of(edge.port) as http:
        answer = await posted(http, ADA)
    assert answer.status_code == 503
    assert answer.json() == {"detail": "no voice service can be reached"}
    assert answer.headers["access-control-allow-origin"] == PAGE["origin"]


async def test_without_a_cloning_engine(serve_edge: EdgeFactory) -> None:
    async with (
        voice_service(cloning_urls="http://127.0.0.1:9") as voices,
        serve_edge(voices_target=voices.address) as edge,
        http_of(edge.port) as http,
    ):
        answer = await posted(http, ADA)
    assert answer.status_code == 503
    assert answer.json() == {"detail": "the cloning engine cannot be reached"}


async def test_one_too_many_is_refused_and_who_leaves_makes_room(edge: EdgeServer, http: httpx2.AsyncClient) -> None:
    head = (
        "POST /v1/voices HTTP/1.1\r\nHost: edge\r\nContent-Length: 1000\r\n"
        "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    )
    _, slow = await asyncio.open_connection("127.0.0.1", edge.port, family=socket.AF_INET)
    slow.write(head.encode())
    async with asyncio.timeout(10):
        while (answer := await posted(http, ADA)).status_code != 503:
            pass
    assert answer.json() == {"detail": "too many recordings are being uploaded"}
    assert answer.headers["retry-after"] == "1"
    slow.close()
    async with asyncio.timeout(20):
        while (answer := await posted(http, ADA)).status_code == 503:  # noqa: ASYNC110 - only asking tells
            await asyncio.sleep(0.05)
    assert answer.status_code == 200


class Trickle:
    """Uploads that hardly move."""

    def __init__(self, port: int) -> None:
        self._port = port
        self._connections: list[asyncio.StreamWriter] = []
        self._answers: list[asyncio.Task[bytes]] = []

    async def add(self, address: str) -> None:
        reader, writer = await asyncio.open_connection("127.0.0.1", self._port)
        writer.write(
            f"POST /v1/voices HTTP/1.1\r\nHost: edge\r\nX-Forwarded-For: {address}\r\nContent-Length: 100000\r\n"
            "Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n".encode()
        )
        self._connections.append(writer)
        self._answers.append(asyncio.create_task(reader.readline()))

    def statuses(self) -> list[bytes]:
        """Those of the uploads that are over."""
        return [task.result().split()[1] for task in self._answers if task.done()]

    def end(self) -> None:
        for each in self._connections:
            each.close()
        for task in self._answers:
            task.cancel()


@pytest.mark.parametrize("apart", [True, False], ids=["eight addresses", "one address"])
async def test_eight_slow_uploads_keep_nobody_from_cloning(
    voices: GrpcServer, serve_edge: EdgeFactory, monkeypatch: pytest.MonkeyPatch, *, apart: bool
) -> None:
    monkeypatch.setattr("mesh.upload_slots.SETTLED_S", 0.1)
    async with (
        serve_edge(voices_target=voices.address, trusted_proxies=("127.0.0.1",)) as edge,
        http_of(edge.port) as http,
    ):
        slow = Trickle(edge.port)
        for number in range(8):
            await slow.add(f"10.0.0.{number if apart else 1}")
        await asyncio.sleep(0.5)  # they must be old enough to be judged
        answers = [await posted(http, ADA) for _ in range(2)]
        assert [answer.status_code for answer in answers] == [200, 200]
        async with asyncio.timeout(10):
            while not slow.statuses():  # noqa: ASYNC110 - nobody tells
                await asyncio.sleep(0.01)
        assert set(slow.statuses()) == {b"408"}
        slow.end()


async def test_an_address_has_its_own_limit(voices: GrpcServer, serve_edge: EdgeFactory) -> None:
    async with (
        serve_edge(voices_target=voices.address, uploads_per_address=1, trusted_proxies=("127.0.0.1",)) as edge,
        http_of(edge.port) as http,
    ):
        slow = Trickle(edge.port)
        await slow.add("127.0.0.1")
        async with asyncio.timeout(10):
            while (answer := await posted(http, ADA)).status_code != 429:
                pass
        assert answer.json() == {"detail": "too many recordings come from this address"}
        assert answer.headers["retry-after"] == "10"
        slow.end()


async def test_a_client_that_sends_nothing_is_not_waited_for_for_ever(
    edge: EdgeServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mesh.upload_slots.IDLE_LIMIT_S", 0.2)
    reading, writing = await asyncio.open_connection("127.0.0.1", edge.port)
    writing.write(
        b"POST /v1/voices HTTP/1.1\r\nHost: edge\r\nContent-Length: 1000\r\n"
        b"Content-Type: multipart/form-data; boundary=x\r\n\r\n--x\r\n"
    )
    async with asyncio.timeout(10):
        assert b" 408 " in await reading.readline()
    writing.close()
