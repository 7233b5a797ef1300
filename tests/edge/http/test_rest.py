import asyncio
from collections.abc import AsyncIterator
from importlib import metadata
from typing import Any
from urllib.parse import quote

import grpc
import httpx2
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from edge.dialects.unmute.instructions import DEFAULT_TEXT
from edge.http.rest import on_bug
from edge.server import EdgeServer
from mesh.errors import AtCapacity, VoiceNotFound
from mesh.rpc.server import GrpcServer
from mesh.settings import ServiceSettings
from parley.voices.v1.voices_pb2 import (
    DESCRIPTOR,
    CharacterHint,
    FileSource,
    FreesoundSource,
    GetVoiceRequest,
    GetVoiceResponse,
    GetVoiceSampleRequest,
    GetVoiceSampleResponse,
    ListVoicesRequest,
    ListVoicesResponse,
    Voice,
)
from parley.voices.v1.voices_pb2_grpc import VoiceServiceServicer, add_VoiceServiceServicer_to_server
from tests.edge.clients import http_of
from tests.edge.conftest import EdgeFactory

VOICES = [
    Voice(voice_id="en-us", name="Plain", file=FileSource()),
    Voice(
        voice_id="en-us+f3",
        name="Watercooler",
        character=CharacterHint(kind="smalltalk"),
        file=FileSource(description="A voice.", description_link="https://example.org/voice"),
    ),
    Voice(
        voice_id="fr-fr",
        name="Fabieng",
        character=CharacterHint(kind="constant", language="fr", text="Un coach."),
        freesound=FreesoundSource(
            url="https://freesound.org/s/1",
            start_time_seconds=1.5,
            sound_id=1,
            sound_name="a.wav",
            username="someone",
            license="https://creativecommons.org/publicdomain/zero/1.0/",
        ),
    ),
    Voice(voice_id="en-gb", name="Default", character=CharacterHint(kind="constant"), file=FileSource()),
    Voice(voice_id="de", name="Odd", character=CharacterHint(kind="poem"), file=FileSource()),
    Voice(voice_id="it", freesound=FreesoundSource(url="https://freesound.org/s/2")),
    Voice(
        voice_id="it",
        name="Shared",
        freesound=FreesoundSource(
            url="https://freesound.org/s/2",
            start_time_seconds=12,
            sound_id=2,
            sound_name="b.wav",
            username="someone",
            license="",
        ),
    ),
]


class FakeVoices(VoiceServiceServicer):
    async def ListVoices(  # noqa: N802 - gRPC's name
        self, _request: ListVoicesRequest, _context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> ListVoicesResponse:
        return ListVoicesResponse(voices=VOICES)

    async def GetVoice(  # noqa: N802 - gRPC's name
        self, _request: GetVoiceRequest, _context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> GetVoiceResponse:
        return GetVoiceResponse(voice=VOICES[0])

    async def GetVoiceSample(  # noqa: N802 - gRPC's name
        self, request: GetVoiceSampleRequest, _context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> GetVoiceSampleResponse:
        if request.voice_id == "full":
            raise AtCapacity("too many samples are being made")
        if request.voice_id not in {voice.voice_id for voice in VOICES} | {"shop/a b.wav"}:
            raise VoiceNotFound(f"there is no voice {request.voice_id!r} to hear")
        return GetVoiceSampleResponse(wav=request.voice_id.encode())

    async def GetVoiceEmbedding(  # noqa: N802 - gRPC's name
        self, _request: Any, _context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> Any:
        raise NotImplementedError

    async def CreateVoice(  # noqa: N802 - gRPC's name
        self, _requests: Any, _context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> Any:
        raise NotImplementedError

    async def StartDonation(  # noqa: N802 - gRPC's name
        self, _request: Any, _context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> Any:
        raise NotImplementedError

    async def SubmitDonation(  # noqa: N802 - gRPC's name
        self, _requests: Any, _context: "grpc.aio.ServicerContext[Any, Any]"
    ) -> Any:
        raise NotImplementedError


@pytest.fixture
async def voice_service() -> AsyncIterator[GrpcServer]:
    server = GrpcServer(
        ServiceSettings(port=0),
        services=[DESCRIPTOR.services_by_name["VoiceService"]],
        add=lambda grpc_server: add_VoiceServiceServicer_to_server(FakeVoices(), grpc_server),
    )
    async with server:
        yield server


@pytest.fixture
async def edge(
    orchestrator: GrpcServer, voice_service: GrpcServer, serve_edge: EdgeFactory
) -> AsyncIterator[EdgeServer]:
    targets = {"orchestrator_target": orchestrator.address, "voices_target": voice_service.address}
    async with serve_edge(**targets) as server:
        yield server


@pytest.fixture
async def http(edge: EdgeServer) -> AsyncIterator[httpx2.AsyncClient]:
    async with http_of(edge.port) as client:
        yield client


@pytest.mark.unmute("S8")
async def test_the_banner(http: httpx2.AsyncClient) -> None:
    answer = await http.get("/")
    assert answer.status_code == 200
    assert "/v1/realtime" in answer.json()["message"]


async def test_a_bug_says_nothing() -> None:
    async def bug(_request: Request) -> Response:
        raise RuntimeError("a secret")

    app = Starlette(routes=[Route("/", bug)], exception_handlers={Exception: on_bug})
    transport = httpx2.ASGITransport(app, raise_app_exceptions=False)
    async with httpx2.AsyncClient(transport=transport, base_url="http://edge") as http:
        answer = await http.get("/")
    assert (answer.status_code, answer.json()) == (500, {"detail": "Internal server error"})


class TestHealth:
    @pytest.mark.unmute("S8")
    async def test_all_is_well(self, http: httpx2.AsyncClient, voice_service: GrpcServer) -> None:
        await voice_service.health.set("cloning", serving=True)
        answer = await http.get("/v1/health")
        assert answer.status_code == 200
        assert answer.json() == {
            "tts_up": True,
            "stt_up": True,
            "llm_up": True,
            "voice_cloning_up": True,
            "ok": True,
            "clones_pitch_only": False,
            "model": "gpt-4o-mini",
            "answers_by_rules": False,
            "can_record": True,
            "version": metadata.version("parley"),
        }

    async def test_cloning_is_down_while_nobody_can_clone(self, http: httpx2.AsyncClient) -> None:
        report = (await http.get("/v1/health")).json()
        assert not report["voice_cloning_up"]
        assert report["ok"]

    @pytest.mark.parametrize("name", ["tts", "stt", "llm"])
    async def test_one_part_is_down(self, http: httpx2.AsyncClient, orchestrator: GrpcServer, name: str) -> None:
        await orchestrator.health.set(name, serving=False)
        report = (await http.get("/v1/health")).json()
        assert not report["ok"]
        assert {part for part in ("tts", "stt", "llm") if not report[f"{part}_up"]} == {name}

    @pytest.mark.unmute("S8")
    async def test_without_anybody_it_is_still_answered(self, serve_edge: EdgeFactory) -> None:
        async with serve_edge() as edge, http_of(edge.port) as http:
            answer = await http.get("/v1/health", timeout=3)
            assert answer.status_code == 200
            assert {value for name, value in answer.json().items() if name not in ("version", "model")} == {False}

    @pytest.mark.unmute("S8")
    async def test_the_answer_is_kept_for_half_a_second(
        self, http: httpx2.AsyncClient, orchestrator: GrpcServer
    ) -> None:
        assert (await http.get("/v1/health")).json()["ok"]
        await orchestrator.health.set("llm", serving=False)
        answers = await asyncio.gather(*(http.get("/v1/health") for _ in range(5)))
        assert all(answer.json()["ok"] for answer in answers)
        await asyncio.sleep(0.5)
        assert not (await http.get("/v1/health")).json()["ok"]


class TestSamples:
    @pytest.mark.parametrize("voice_id", ["en-us", "en-us+f3", "shop/a b.wav"])
    async def test_a_voice_is_heard(self, http: httpx2.AsyncClient, voice_id: str) -> None:
        answer = await http.get(f"/v1/voices/{quote(voice_id, safe='')}/sample")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "audio/wav"
        assert "max-age" in answer.headers["cache-control"]
        assert answer.content == voice_id.encode()

    async def test_a_slash_may_stand_as_it_is(self, http: httpx2.AsyncClient) -> None:
        assert (await http.get("/v1/voices/shop/a%20b.wav/sample")).content == b"shop/a b.wav"

    async def test_a_voice_that_is_not_offered(self, http: httpx2.AsyncClient) -> None:
        answer = await http.get("/v1/voices/nobody/sample")
        assert (answer.status_code, answer.json()) == (404, {"detail": "there is no voice 'nobody' to hear"})

    async def test_too_many_at_once(self, http: httpx2.AsyncClient) -> None:
        answer = await http.get("/v1/voices/full/sample")
        assert answer.status_code == 503
        assert int(answer.headers["retry-after"]) > 0


class TestVoices:
    @pytest.mark.unmute("S8")
    async def test_their_shape(self, http: httpx2.AsyncClient) -> None:
        answer = await http.get("/v1/voices")
        assert answer.headers["content-type"] == "application/json"
        assert answer.json() == [
            {
                "name": "Plain",
                "good": True,
                "instructions": None,
                "source": {
                    "source_type": "file",
                    "path_on_server": "en-us",
                    "description": None,
                    "description_link": None,
                },
            },
            {
                "name": "Watercooler",
                "good": True,
                "instructions": {"type": "smalltalk", "language": None},
                "source": {
                    "source_type": "file",
                    "path_on_server": "en-us+f3",
                    "description": "A voice.",
                    "description_link": "https://example.org/voice",
                },
            },
            {
                "name": "Fabieng",
                "good": True,
                "instructions": {"type": "constant", "text": "Un coach.", "language": "fr"},
                "source": {
                    "source_type": "freesound",
                    "url": "https://freesound.org/s/1",
                    "start_time": 1.5,
                    "sound_instance": {
                        "id": 1,
                        "name": "a.wav",
                        "username": "someone",
                        "license": "https://creativecommons.org/publicdomain/zero/1.0/",
                    },
                    "path_on_server": "fr-fr",
                },
            },
            {
                "name": "Default",
                "good": True,
                "instructions": {"type": "constant", "text": DEFAULT_TEXT, "language": None},
                "source": {
                    "source_type": "file",
                    "path_on_server": "en-gb",
                    "description": None,
                    "description_link": None,
                },
            },
            {
                "name": "Odd",
                "good": True,
                "instructions": None,
                "source": {
                    "source_type": "file",
                    "path_on_server": "de",
                    "description": None,
                    "description_link": None,
                },
            },
            {
                "name": None,
                "good": True,
                "instructions": None,
                "source": {
                    "source_type": "freesound",
                    "url": "https://freesound.org/s/2",
                    "start_time": None,
                    "sound_instance": None,
                    "path_on_server": "it",
                },
            },
            {
                "name": "Shared",
                "good": True,
                "instructions": None,
                "source": {
                    "source_type": "freesound",
                    "url": "https://freesound.org/s/2",
                    "start_time": 12,
                    "sound_instance": {"id": 2, "name": "b.wav", "username": "someone", "license": ""},
                    "path_on_server": "it",
                },
            },
        ]

    async def test_without_a_voice_service(self, serve_edge: EdgeFactory) -> None:
        async with serve_edge() as edge, http_of(edge.port) as http:
            answer = await http.get("/v1/voices")
            assert answer.status_code == 503
            assert answer.json() == {"detail": "no voice service can be reached"}
